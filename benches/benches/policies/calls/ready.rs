//! Calls that are ready at once.

use crate::partners::{Answer, answer, fails, fails_every_other_time, fails_one_in_ten};
use resil::{
    Semaphore, bulkhead, circuit_breaker, deadline, outside_transaction, rate_limit, retry, semaphore, timeout,
};
use resil_benches::{Case, case};

#[outside_transaction]
pub(crate) async fn outside(x: u64) -> Answer {
    answer(x)
}

#[circuit_breaker(name = "success")]
pub(crate) async fn breaker(x: u64) -> Answer {
    answer(x)
}

#[circuit_breaker(name = "failures")]
pub(crate) async fn breaker_failures(x: u64) -> Answer {
    fails_one_in_ten(x)
}

#[circuit_breaker(name = "time", window = "60s")]
pub(crate) async fn breaker_time(x: u64) -> Answer {
    answer(x)
}

#[circuit_breaker(name = "open", open_for = "1h")]
pub(crate) async fn breaker_open(x: u64) -> Answer {
    fails(x)
}

#[retry(idempotent)]
pub(crate) async fn retry_idempotent(x: u64) -> Answer {
    answer(x)
}

#[retry(unsent)]
pub(crate) async fn retry_unsent(x: u64) -> Answer {
    answer(x)
}

#[retry(idempotent, base = "0ms", budget = none)]
pub(crate) async fn retry_once(x: u64) -> Answer {
    fails_every_other_time(x)
}

#[timeout("5s")]
pub(crate) async fn bounded(x: u64) -> Answer {
    answer(x)
}

#[deadline("5s")]
pub(crate) async fn due(x: u64) -> Answer {
    answer(x)
}

#[retry(idempotent)]
#[circuit_breaker(name = "stack")]
#[timeout("5s")]
pub(crate) async fn stack(x: u64) -> Answer {
    answer(x)
}

#[semaphore(name = "free", permits = 10)]
pub(crate) async fn limited(x: u64) -> Answer {
    answer(x)
}

#[semaphore(name = "full", permits = 1)]
async fn refused(x: u64) -> Answer {
    answer(x)
}

#[rate_limit("1000000000/s")]
pub(crate) async fn rated(x: u64) -> Answer {
    answer(x)
}

#[rate_limit("1/d")]
pub(crate) async fn used_up(x: u64) -> Answer {
    answer(x)
}

/// Takes the only permit, for good.
pub(crate) fn full() -> Case {
    case(|| {
        static FULL: Semaphore = Semaphore::new(1).name("full");
        let mut take = std::pin::pin!(FULL.acquire());
        let taken = take.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        std::mem::forget(taken);
        refused
    })
}

#[bulkhead(name = "own threads", threads = 1)]
pub(crate) async fn elsewhere(x: u64) -> Answer {
    answer(x)
}

#[retry(idempotent)]
#[circuit_breaker(name = "whole")]
#[semaphore(name = "whole", permits = 10)]
#[timeout("5s")]
pub(crate) async fn whole(x: u64) -> Answer {
    answer(x)
}

#[retry(idempotent)]
#[circuit_breaker(name = "rated whole")]
#[semaphore(name = "rated whole", permits = 10)]
#[rate_limit("1000000000/s", name = "rated whole")]
#[timeout("5s")]
pub(crate) async fn whole_rated(x: u64) -> Answer {
    answer(x)
}

/// The README's.
#[deadline("30s")]
#[retry(idempotent)]
#[circuit_breaker(name = "readme")]
#[timeout("10s", connect = "2s", read = "5s")]
pub(crate) async fn readme(x: u64) -> Answer {
    answer(x)
}
