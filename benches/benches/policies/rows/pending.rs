//! Calls that are pending once.

use super::{BACKON, BREAKER, BY_HAND, RECLOSER, TOKIO, TOKIO_RETRY2, TOWER, TOWER_RESILIENCE};
use crate::calls::pending as resil;
use crate::limits;
use crate::partners::waits;
use crate::peers::{breakers, permits, retries, stacks, timeouts};
use resil_benches::Target::{Nanoseconds, PercentOfLimit};
use resil_benches::{Row, case};

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::pending("pending-bare", "bare async call").resil(case(|| waits)).two_threads(0.0),
        Row::pending("pending-timeout", "timeout")
            .target(Nanoseconds(430))
            .two_threads(1.8)
            .resil(case(|| resil::bounded))
            .limit(limits::timeout(waits))
            .peer(TOKIO, timeouts::tokio(waits))
            .peer(TOWER, timeouts::tower(waits))
            .peer(TOWER_RESILIENCE, timeouts::tower_resilience(waits)),
        Row::pending("pending-breaker", "circuit breaker, closed")
            .target(PercentOfLimit(105))
            .two_threads(1.8)
            .resil(case(|| resil::breaker))
            .limit(limits::breaker(waits))
            .peer(RECLOSER, breakers::recloser(waits))
            .peer(BREAKER, breakers::breaker(waits))
            .peer(TOWER_RESILIENCE, breakers::tower_resilience(waits)),
        Row::pending("pending-semaphore", "semaphore, free")
            .target(PercentOfLimit(105))
            .two_threads(1.5)
            .resil(case(|| resil::limited))
            .limit(limits::semaphore(waits))
            .peer(TOKIO, permits::tokio(10, waits))
            .peer(TOWER, permits::tower(waits))
            .peer(TOWER_RESILIENCE, permits::tower_resilience(waits)),
        Row::pending("pending-retry", "retry, nothing failed")
            .target(PercentOfLimit(105))
            .two_threads(1.8)
            .resil(case(|| resil::retry_idempotent))
            .limit(limits::retry(waits))
            .peer(BACKON, retries::backon(waits))
            .peer(TOKIO_RETRY2, retries::tokio_retry2(waits))
            .peer(TOWER, retries::tower(waits))
            .peer(TOWER_RESILIENCE, retries::tower_resilience(waits)),
        Row::pending("pending-rate", "rate limit, free").resil(case(|| resil::rated)),
        Row::pending("pending-whole", "retry, circuit breaker, semaphore and timeout")
            .target(Nanoseconds(660))
            .two_threads(1.5)
            .resil(case(|| resil::whole))
            .limit(limits::whole(waits))
            .peer(BY_HAND, stacks::by_hand(waits))
            .peer(TOWER_RESILIENCE, stacks::tower_resilience(waits)),
        Row::pending("pending-readme", "deadline, retry, circuit breaker, timeout with phases")
            .two_threads(0.0)
            .resil(case(|| resil::readme)),
    ]
}
