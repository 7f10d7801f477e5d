#![deny(warnings)]
#![forbid(unsafe_code)]

use resil::retry as again;
use resil::{Error, Verdict, circuit_breaker, timeout};
use std::time::Duration;

const ATTEMPTS: u32 = 5;
const RATE: f64 = 0.25;
const RETRY: u32 = 4;

mod limits {
    use std::time::Duration;

    pub const NAME: &str = "payment";
    pub const WHOLE: Duration = Duration::from_secs(10);
    pub const READ: Duration = Duration::from_secs(5);
}

#[again(idempotent, attempts = ATTEMPTS, base = Duration::from_millis(50), max = limits::READ)]
#[circuit_breaker(name = limits::NAME, min_calls = 10 + 5, failure_rate = RATE, failure_if = limited)]
#[timeout(limits::WHOLE, read = limits::READ)]
async fn by_constants() -> Result<u32, Error> {
    Ok(1)
}

fn limited(calls: &u32) -> Option<Verdict> {
    (*calls > 100).then(Verdict::permanent)
}

/// A path is nobody's static but your own.
#[again(unsent, attempts = self::RETRY)]
async fn by_a_path() -> Result<u32, Error> {
    Ok(1)
}

mod partners {
    pub use resil;
}

#[partners::resil::retry(idempotent, crate = crate::partners::resil)]
#[crate::partners::resil::timeout("5s")]
async fn elsewhere() -> Result<u32, Error> {
    Ok(1)
}

#[resil::retry(idempotent)]
#[::resil::circuit_breaker]
#[timeout("5s")]
#[tracing::instrument]
#[must_use]
async fn with_attributes_of_others_below() -> Result<u32, Error> {
    Ok(1)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(by_constants().await.unwrap(), 1);
    assert_eq!(by_a_path().await.unwrap(), 1);
    assert_eq!(elsewhere().await.unwrap(), 1);
    assert_eq!(with_attributes_of_others_below().await.unwrap(), 1);
}
