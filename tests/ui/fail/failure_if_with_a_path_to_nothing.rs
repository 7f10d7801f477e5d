use resil::{Error, circuit_breaker, retry};

#[retry(idempotent, failure_if = is_pending)]
async fn under_retry() -> Result<u32, Error> {
    Ok(1)
}

#[circuit_breaker(failure_if = payments::is_pending)]
async fn under_circuit_breaker() -> Result<u32, Error> {
    Ok(1)
}

fn main() {}
