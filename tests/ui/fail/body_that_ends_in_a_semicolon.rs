use resil::{Error, circuit_breaker, non_idempotent, retry, timeout};

async fn fetch() -> Result<u32, Error> {
    Ok(1)
}

#[retry(idempotent)]
async fn under_a_retry() -> Result<u32, Error> {
    Ok(1);
}

#[circuit_breaker]
#[timeout("5s")]
async fn a_call() -> Result<u32, Error> {
    fetch().await;
}

#[non_idempotent]
async fn under_a_mark() -> Result<u32, Error> {
    fetch().await;
}

#[timeout("5s")]
async fn nothing_at_all() -> Result<u32, Error> {
    let _ = fetch().await?;
}

fn main() {}
