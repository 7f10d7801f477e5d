use resil::{Error, circuit_breaker, retry, timeout};
use std::time::Duration;

trait Limits {
    const ATTEMPTS: u32;
    const READ: Duration;
}

struct Gateway;

impl Gateway {
    const NAME: &'static str = "gateway";

    #[circuit_breaker(name = Self::NAME)]
    async fn status(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[retry(idempotent, attempts = L::ATTEMPTS)]
#[timeout("5s", read = L::READ)]
async fn generic<L: Limits>(limits: &L) -> Result<(), Error> {
    let _ = limits;
    Ok(())
}

#[timeout(Duration::from_secs(CALLS as u64))]
async fn by_itself<const CALLS: u32>() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(min_calls = CALLS)]
async fn constant<const CALLS: u32>() -> Result<(), Error> {
    Ok(())
}

const RETRY: u32 = 5;
const CIRCUIT_BREAKER: &str = "payment";

#[retry(idempotent, attempts = RETRY)]
#[circuit_breaker(name = CIRCUIT_BREAKER)]
async fn named_like_our_statics() -> Result<(), Error> {
    Ok(())
}

fn main() {}
