//! Calls that are ready at once.

use super::{BACKON, BREAKER, BY_HAND, FAILSAFE, GOVERNOR, RECLOSER, TOKIO, TOKIO_RETRY2, TOWER, TOWER_RESILIENCE};
use crate::calls::ready as resil;
use crate::limits;
use crate::partners::{bare, failing, failing_every_other_time, failing_one_in_ten};
use crate::peers::{breakers, permits, retries, stacks, timeouts};
use resil_benches::Target::Instructions;
use resil_benches::{Row, case};

pub(super) fn rows() -> Vec<Row> {
    [plain(), breaker(), retry(), permit(), together()].into_iter().flatten().collect()
}

fn plain() -> Vec<Row> {
    vec![
        Row::ready("bare", "bare async call").resil(case(|| bare)).two_threads(0.0),
        Row::ready("outside", "outside a transaction").resil(case(|| resil::outside)),
        Row::ready("scope", "a scope of its own").resil(case(|| |x| ::resil::allow("a bench", bare(x)))),
        Row::ready("deadline", "deadline").resil(case(|| resil::due)),
        Row::ready("timeout", "timeout")
            .target(Instructions(110))
            .two_threads(1.8)
            .resil(case(|| resil::bounded))
            .limit(limits::timeout(bare))
            .peer(TOKIO, timeouts::tokio(bare))
            .peer(TOWER, timeouts::tower(bare))
            .peer(TOWER_RESILIENCE, timeouts::tower_resilience(bare)),
    ]
}

fn breaker() -> Vec<Row> {
    vec![
        Row::ready("breaker", "circuit breaker, closed")
            .target(Instructions(195))
            .two_threads(1.8)
            .resil(case(|| resil::breaker))
            .limit(limits::breaker(bare))
            .peer(RECLOSER, breakers::recloser(bare))
            .peer(BREAKER, breakers::breaker(bare))
            .peer(TOWER_RESILIENCE, breakers::tower_resilience(bare)),
        Row::ready("failures", "circuit breaker, closed, 10 % failures")
            .target(Instructions(300))
            .does(900, 1_000)
            .resil(case(|| resil::breaker_failures))
            .peer(RECLOSER, breakers::recloser(failing_one_in_ten))
            .peer(BREAKER, breakers::breaker(failing_one_in_ten))
            .peer(TOWER_RESILIENCE, breakers::tower_resilience(failing_one_in_ten)),
        Row::ready("time", "circuit breaker, window of a minute")
            .target(Instructions(250))
            .two_threads(1.8)
            .resil(case(|| resil::breaker_time))
            .peer(FAILSAFE, breakers::failsafe(bare)),
        Row::ready("open", "circuit breaker, open")
            .target(Instructions(170))
            .does(0, 0)
            .resil(case(|| resil::breaker_open))
            .limit(limits::open(failing))
            .peer(RECLOSER, breakers::recloser(failing))
            .peer(BREAKER, breakers::breaker(failing))
            .peer(FAILSAFE, breakers::failsafe_of_consecutive(failing))
            .peer(TOWER_RESILIENCE, breakers::tower_resilience(failing)),
    ]
}

fn retry() -> Vec<Row> {
    vec![
        Row::ready("retry", "retry, nothing failed")
            .target(Instructions(110))
            .two_threads(1.8)
            .resil(case(|| resil::retry_idempotent))
            .limit(limits::retry(bare))
            .peer(BACKON, retries::backon(bare))
            .peer(TOKIO_RETRY2, retries::tokio_retry2(bare))
            .peer(TOWER, retries::tower(bare))
            .peer(TOWER_RESILIENCE, retries::tower_resilience(bare)),
        Row::ready("retry-unsent", "retry of what was not sent, nothing failed").resil(case(|| resil::retry_unsent)),
        Row::ready("retry-once", "retry, one failure, no delay")
            .target(Instructions(300))
            .does(1_000, 2_000)
            .resil(case(|| resil::retry_once))
            .limit(limits::retry(failing_every_other_time))
            .peer(BACKON, retries::backon_without_delay(failing_every_other_time))
            .peer(TOWER, retries::tower(failing_every_other_time)),
    ]
}

fn permit() -> Vec<Row> {
    vec![
        Row::ready("semaphore", "semaphore, free")
            .target(Instructions(150))
            .two_threads(1.5)
            .resil(case(|| resil::limited))
            .limit(limits::semaphore(bare))
            .peer(TOKIO, permits::tokio(10, bare))
            .peer(TOWER, permits::tower(bare))
            .peer(TOWER_RESILIENCE, permits::tower_resilience(bare)),
        Row::ready("full", "semaphore, full")
            .target(Instructions(150))
            .does(0, 0)
            .resil(resil::full())
            .limit(limits::full(bare))
            .peer(TOKIO, permits::tokio(0, bare)),
        Row::ready("rate", "rate limit, free")
            .two_threads(0.0)
            .resil(case(|| resil::rated))
            .peer(GOVERNOR, permits::governor(true, bare)),
        Row::ready("used-up", "rate limit, used up")
            .does(0, 0)
            .resil(case(|| resil::used_up))
            .peer(GOVERNOR, permits::governor(false, bare)),
        // The partner is called on another thread.
        Row::ready("bulkhead", "bulkhead, a thread of its own")
            .does(1_000, 0)
            .resil(case(|| resil::elsewhere))
            .peer("tokio, another runtime", permits::another_runtime(bare)),
    ]
}

fn together() -> Vec<Row> {
    vec![
        Row::ready("stack", "retry, circuit breaker and timeout")
            .two_threads(1.5)
            .resil(case(|| resil::stack))
            .peer(BY_HAND, stacks::by_hand_of_three(bare))
            .peer(TOWER_RESILIENCE, stacks::tower_resilience_of_three(bare)),
        Row::ready("whole", "retry, circuit breaker, semaphore and timeout")
            .target(Instructions(250))
            .two_threads(1.5)
            .resil(case(|| resil::whole))
            .limit(limits::whole(bare))
            .peer(BY_HAND, stacks::by_hand(bare))
            .peer(TOWER_RESILIENCE, stacks::tower_resilience(bare)),
        Row::ready("rated", "the same with a rate limit").resil(case(|| resil::whole_rated)),
        Row::ready("readme", "deadline, retry, circuit breaker, timeout with phases")
            .target(Instructions(400))
            .resil(case(|| resil::readme)),
    ]
}
