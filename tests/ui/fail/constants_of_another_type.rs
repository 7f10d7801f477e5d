use resil::{Error, circuit_breaker, retry, timeout};

const ATTEMPTS: u64 = 5;
const RATE: u32 = 50;
const LIMIT: &str = "5s";
const NAME: u32 = 1;

#[retry(idempotent, attempts = ATTEMPTS, base = LIMIT)]
async fn under_retry() -> Result<u32, Error> {
    Ok(1)
}

#[circuit_breaker(name = NAME, failure_rate = RATE, open_for = MISSING)]
async fn under_circuit_breaker() -> Result<u32, Error> {
    Ok(1)
}

#[timeout("5s", read = LIMIT)]
async fn under_timeout() -> Result<u32, Error> {
    Ok(1)
}

#[timeout(if RATE > 5 { LIMIT } else { LIMIT })]
async fn by_an_expression() -> Result<u32, Error> {
    Ok(1)
}

#[circuit_breaker(name = (NAME), min_calls = ATTEMPTS as usize)]
async fn in_parentheses() -> Result<u32, Error> {
    Ok(1)
}

fn main() {}
