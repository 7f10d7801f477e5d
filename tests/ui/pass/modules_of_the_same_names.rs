//! Modules of the user's own may be called as our attributes are: those are macros alone.

use resil::{bulkhead, circuit_breaker, deadline, fallback, retry, semaphore, timeout};
use std::io;

mod retry {
    pub const ATTEMPTS: u32 = 2;
}
mod circuit_breaker {
    pub const NAME: &str = "partner";
}
mod timeout {
    pub const LONGEST: std::time::Duration = std::time::Duration::from_secs(5);
}
mod semaphore {}
mod bulkhead {}
mod deadline {}
mod fallback {}
mod policy {}

#[fallback(value = 0)]
#[deadline("30s")]
#[retry(idempotent, attempts = retry::ATTEMPTS)]
#[circuit_breaker(name = circuit_breaker::NAME)]
#[semaphore(permits = 2)]
#[timeout(timeout::LONGEST)]
async fn answer() -> io::Result<u32> {
    Ok(42)
}

#[bulkhead(threads = 1)]
async fn elsewhere() -> Result<u32, resil::Error> {
    Ok(7)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(answer().await.unwrap(), 42);
    assert_eq!(elsewhere().await.unwrap(), 7);
}
