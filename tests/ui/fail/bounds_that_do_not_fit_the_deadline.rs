use resil::{Error, deadline, retry, timeout};

#[deadline("5s")]
#[timeout("10s")]
async fn attempt() -> Result<(), Error> {
    Ok(())
}

#[deadline("5s")]
#[timeout("4s", connect = "6s", read = "1m")]
async fn phases() -> Result<(), Error> {
    Ok(())
}

#[deadline("3s")]
#[retry(idempotent, attempts = 4, base = "1s", jitter = "none")]
async fn backoff() -> Result<(), Error> {
    Ok(())
}

#[deadline("300ms")]
#[retry(idempotent, jitter = "none")]
async fn default_backoff() -> Result<(), Error> {
    Ok(())
}

fn main() {}
