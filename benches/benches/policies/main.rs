//! What a call costs under each policy, beside the bare call and the nearest crates. See `README.md`.

mod peers;

use resil::{
    Classify, Semaphore, bulkhead, circuit_breaker, deadline, outside_transaction, rate_limit, retry, semaphore,
    timeout,
};
use resil_benches::{Case, Row, case, compare, once};
use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// As small as an error can be and a word wide: of a narrower one the padding would be moved in pieces that overlap,
/// which costs the bare call 10 ns, and what is measured is the policy and not the moving of an error.
#[derive(Debug, Classify)]
#[repr(u64)]
enum Error {
    #[classify(transient)]
    Busy,
    #[classify(caller)]
    Refused,
}

impl From<resil::Error> for Error {
    fn from(_: resil::Error) -> Self {
        Self::Refused
    }
}

type Answer = Result<u64, Error>;

// The partners.

#[expect(clippy::unnecessary_wraps, reason = "a partner can fail, this one does not")]
#[inline(never)]
fn answer(x: u64) -> Answer {
    Ok(x + 1)
}

#[inline(never)]
fn fails_one_in_ten(x: u64) -> Answer {
    if x.is_multiple_of(10) { Err(Error::Busy) } else { Ok(x + 1) }
}

#[inline(never)]
fn fails(_: u64) -> Answer {
    Err(Error::Busy)
}

#[inline(never)]
fn fails_every_other_time(x: u64) -> Answer {
    static FAILED: AtomicBool = AtomicBool::new(false);
    let fail = !FAILED.load(Ordering::Relaxed);
    FAILED.store(fail, Ordering::Relaxed);
    if fail { Err(Error::Busy) } else { Ok(x + 1) }
}

// The calls, by resil.

async fn bare(x: u64) -> Answer {
    answer(x)
}

#[outside_transaction]
async fn outside(x: u64) -> Answer {
    answer(x)
}

#[circuit_breaker(name = "success")]
async fn breaker(x: u64) -> Answer {
    answer(x)
}

#[circuit_breaker(name = "failures")]
async fn breaker_failures(x: u64) -> Answer {
    fails_one_in_ten(x)
}

#[circuit_breaker(name = "time", window = "60s")]
async fn breaker_time(x: u64) -> Answer {
    answer(x)
}

#[circuit_breaker(name = "open", open_for = "1h")]
async fn breaker_open(x: u64) -> Answer {
    fails(x)
}

#[retry(idempotent)]
async fn retry_idempotent(x: u64) -> Answer {
    answer(x)
}

#[retry(unsent)]
async fn retry_unsent(x: u64) -> Answer {
    answer(x)
}

#[retry(idempotent, base = "0ms", budget = none)]
async fn retry_once(x: u64) -> Answer {
    fails_every_other_time(x)
}

#[timeout("5s")]
async fn bounded(x: u64) -> Answer {
    answer(x)
}

#[deadline("5s")]
async fn due(x: u64) -> Answer {
    answer(x)
}

#[retry(idempotent)]
#[circuit_breaker(name = "stack")]
#[timeout("5s")]
async fn stack(x: u64) -> Answer {
    answer(x)
}

#[semaphore(name = "free", permits = 10)]
async fn limited(x: u64) -> Answer {
    answer(x)
}

#[semaphore(name = "full", permits = 1)]
async fn refused(x: u64) -> Answer {
    answer(x)
}

#[rate_limit("1000000000/s")]
async fn rated(x: u64) -> Answer {
    answer(x)
}

#[rate_limit("1/d")]
async fn used_up(x: u64) -> Answer {
    answer(x)
}

/// Takes the only permit, for good.
fn full() -> Case {
    case(|| {
        static FULL: Semaphore = Semaphore::new(1).name("full");
        let mut take = std::pin::pin!(FULL.acquire());
        let taken = take.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        std::mem::forget(taken);
        refused
    })
}

#[bulkhead(name = "own threads", threads = 1)]
async fn elsewhere(x: u64) -> Answer {
    answer(x)
}

#[retry(idempotent)]
#[circuit_breaker(name = "whole")]
#[semaphore(name = "whole", permits = 10)]
#[timeout("5s")]
async fn whole(x: u64) -> Answer {
    answer(x)
}

fn rows() -> Vec<Row> {
    const TOWER: &str = "tower-resilience";
    vec![
        Row::new("bare", "bare async call", "").cell("bare", case(|| bare)),
        Row::scaling("bare-2", "bare, two threads", "").cell("bare", case(|| bare)),
        Row::new("breaker", "breaker closed, success", "12")
            .cell("resil", case(|| breaker))
            .cell("recloser", peers::recloser(answer))
            .cell(TOWER, peers::tower_breaker(answer)),
        Row::scaling("breaker-2", "the same, two threads", "1.8x")
            .cell("resil", case(|| breaker))
            .cell("recloser", peers::recloser(answer))
            .cell(TOWER, peers::tower_breaker(answer)),
        Row::new("failures", "breaker closed, 10 % failures", "24")
            .cell("resil", case(|| breaker_failures))
            .cell("recloser", peers::recloser(fails_one_in_ten))
            .cell(TOWER, peers::tower_breaker(fails_one_in_ten)),
        Row::new("time", "breaker on a window of 60 s", "30").cell("resil", case(|| breaker_time)),
        Row::scaling("time-2", "the same, two threads", "1.8x").cell("resil", case(|| breaker_time)),
        Row::new("open", "breaker open, refusal", "18")
            .cell("resil", case(|| breaker_open))
            .cell("recloser", peers::recloser(fails))
            .cell(TOWER, peers::tower_breaker(fails)),
        Row::new("retry", "retry(idempotent), nothing failed", "8")
            .cell("resil", case(|| retry_idempotent))
            .cell("backon", peers::backon_retry())
            .cell(TOWER, peers::tower_retry()),
        Row::new("retry-unsent", "retry(unsent), nothing failed", "8").cell("resil", case(|| retry_unsent)),
        Row::new("retry-once", "retry, one failure, no delay", "25")
            .cell("resil", case(|| retry_once))
            .cell("backon", peers::backon_retry_once()),
        Row::new("outside", "outside_transaction, nothing held", "10").cell("resil", case(|| outside)),
        Row::new("scope", "a call in a scope of its own", "none")
            .cell("resil", case(|| |x| resil::allow("a bench", bare(x)))),
        Row::new("timeout", "timeout, ready at once", "22")
            .cell("resil", case(|| bounded))
            .cell("tokio", peers::tokio_timeout())
            .cell(TOWER, peers::tower_timeout()),
        Row::new("deadline", "deadline, ready at once", "").cell("resil", case(|| due)),
        Row::new("semaphore", "semaphore, free", "20")
            .cell("resil", case(|| limited))
            .cell("tokio", peers::tokio_semaphore(10))
            .cell(TOWER, peers::tower_bulkhead()),
        Row::new("full", "semaphore, full", "18").cell("resil", full()).cell("tokio", peers::tokio_semaphore(0)),
        Row::new("rate", "rate limit, free", "20")
            .cell("resil", case(|| rated))
            .cell("governor", peers::governor(true)),
        Row::new("used-up", "rate limit, used up", "25")
            .cell("resil", case(|| used_up))
            .cell("governor", peers::governor(false)),
        Row::new("stack", "retry(breaker(timeout))", "none")
            .cell("resil", case(|| stack))
            .cell("backon+recloser+tokio", peers::by_hand_stack())
            .cell(TOWER, peers::tower_stack()),
        Row::new("whole", "retry(breaker(semaphore(timeout)))", "45")
            .cell("resil", case(|| whole))
            .cell("backon+recloser+tokio", peers::by_hand_whole())
            .cell(TOWER, peers::tower_whole()),
        Row::new("bulkhead", "bulkhead, own thread", "none")
            .cell("resil", case(|| elsewhere))
            .cell("tokio, another runtime", peers::another_runtime()),
    ]
}

/// `cargo bench` adds `--bench`. `--once CASE [CALLS]` runs one case alone.
fn main() -> Result<(), String> {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(&rows(), 21, 200_000),
        ["--once", id] => once(&rows(), id, 1_000_000)?,
        ["--once", id, calls] => once(&rows(), id, calls.parse().map_err(|_| format!("`{calls}` is no number"))?)?,
        _ => return Err("write `--once CASE [CALLS]`, or nothing for the table".to_owned()),
    }
    Ok(())
}
