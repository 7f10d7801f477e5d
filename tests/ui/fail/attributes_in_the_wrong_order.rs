use resil::{Error, circuit_breaker, deadline, retry, timeout};

#[circuit_breaker]
#[retry(idempotent)]
async fn breaker_above_retry() -> Result<(), Error> {
    Ok(())
}

#[timeout("5s")]
#[circuit_breaker]
#[retry(idempotent)]
#[deadline("30s")]
async fn all_the_wrong_way_round() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent)]
#[resil::timeout("5s")]
#[resil::circuit_breaker]
async fn spelled_with_a_path() -> Result<(), Error> {
    Ok(())
}

fn main() {}
