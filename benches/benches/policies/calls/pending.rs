//! Calls that are pending once: what real calls are.

use crate::partners::{Answer, Once, answer};
use resil::{circuit_breaker, deadline, rate_limit, retry, semaphore, timeout};

#[circuit_breaker(name = "pending")]
pub(crate) async fn breaker(x: u64) -> Answer {
    Once(false).await;
    answer(x)
}

#[retry(idempotent)]
pub(crate) async fn retry_idempotent(x: u64) -> Answer {
    Once(false).await;
    answer(x)
}

#[semaphore(name = "pending", permits = 10)]
pub(crate) async fn limited(x: u64) -> Answer {
    Once(false).await;
    answer(x)
}

#[timeout("5s")]
pub(crate) async fn bounded(x: u64) -> Answer {
    Once(false).await;
    answer(x)
}

#[rate_limit("1000000000/s")]
pub(crate) async fn rated(x: u64) -> Answer {
    Once(false).await;
    answer(x)
}

#[retry(idempotent)]
#[circuit_breaker(name = "pending whole")]
#[semaphore(name = "pending whole", permits = 10)]
#[timeout("5s")]
pub(crate) async fn whole(x: u64) -> Answer {
    Once(false).await;
    answer(x)
}

/// The README's.
#[deadline("30s")]
#[retry(idempotent)]
#[circuit_breaker(name = "pending readme")]
#[timeout("10s", connect = "2s", read = "5s")]
pub(crate) async fn readme(x: u64) -> Answer {
    Once(false).await;
    answer(x)
}
