//! What a call costs under each policy, beside the bare call and the nearest crates. See `README.md`.

use backon::{ConstantBuilder, ExponentialBuilder, Retryable};
use recloser::{AsyncRecloser, Recloser};
use resil::{Classify, circuit_breaker, deadline, retry, timeout};
use resil_benches::{Case, Row, case, compare, once};
use std::env;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_resilience::circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};
use tower_resilience::retry::RetryLayer;
use tower_resilience::timelimiter::{TimeLimiterError, TimeLimiterLayer};

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

// The same, by others.

const HOUR: Duration = Duration::from_hours(1);
const BOUND: Duration = Duration::from_secs(5);

fn recloser(partner: fn(u64) -> Answer) -> Case {
    let recloser = AsyncRecloser::from(Recloser::custom().error_rate(0.5).closed_len(100).open_wait(HOUR).build());
    case(move || {
        let recloser = recloser.clone();
        async move |x| recloser.call(async { partner(x) }).await
    })
}

fn backon_retry() -> Case {
    case(|| async |x| (|| bare(x)).retry(ExponentialBuilder::default()).await)
}

/// Tokio's timer, which backon would sleep on, has a step of a millisecond even for no delay at all.
fn backon_retry_once() -> Case {
    let once = async |x| {
        let delays = ConstantBuilder::default().with_delay(Duration::ZERO);
        (|| async { fails_every_other_time(x) }).retry(delays).sleep(|_| std::future::ready(())).await
    };
    case(move || once)
}

fn tokio_timeout() -> Case {
    case(|| async |x| tokio::time::timeout(BOUND, bare(x)).await)
}

async fn within_bound(x: u64) -> Answer {
    tokio::time::timeout(BOUND, bare(x)).await.unwrap_or(Err(Error::Busy))
}

fn by_hand_stack() -> Case {
    static RECLOSER: LazyLock<AsyncRecloser> =
        LazyLock::new(|| Recloser::custom().error_rate(0.5).closed_len(100).open_wait(HOUR).build().into());
    let may_repeat = |error: &recloser::Error<Error>| matches!(error, recloser::Error::Inner(_));
    case(move || {
        async move |x| {
            let attempt = || RECLOSER.call(within_bound(x));
            attempt.retry(ExponentialBuilder::default()).when(may_repeat).await
        }
    })
}

fn tower_case<S>(service: S) -> Case
where
    S: Service<u64, Response = u64> + Clone + Send + Sync + 'static,
{
    case(move || {
        let mut service = service.clone();
        async move |x| service.ready().await?.call(x).await
    })
}

fn tower_breaker_layer() -> CircuitBreakerLayer {
    let breaker = CircuitBreakerLayer::builder().failure_rate_threshold(0.5).wait_duration_in_open(HOUR);
    #[expect(clippy::expect_used, reason = "these settings are in range")]
    breaker.sliding_window_size(100).minimum_number_of_calls(20).build().expect("a breaker")
}

fn tower_breaker(partner: fn(u64) -> Answer) -> Case {
    tower_case(tower_breaker_layer().layer(service_fn(move |x| async move { partner(x) })))
}

fn tower_retry() -> Case {
    tower_case(RetryLayer::builder().max_attempts(3).build().layer(service_fn(bare)))
}

fn tower_timeout() -> Case {
    tower_case(TimeLimiterLayer::builder().timeout_duration(BOUND).build().layer(service_fn(bare)))
}

fn tower_stack() -> Case {
    type Failure = CircuitBreakerError<TimeLimiterError<Error>>;
    let retry = RetryLayer::<u64, u64, Failure>::builder().max_attempts(3).build();
    let timeout = TimeLimiterLayer::builder().timeout_duration(BOUND).build();
    tower_case(retry.layer(tower_breaker_layer().layer(timeout.layer(service_fn(bare)))))
}

fn rows() -> Vec<Row> {
    const TOWER: &str = "tower-resilience";
    vec![
        Row::new("bare", "bare async call", "").cell("bare", case(|| bare)),
        Row::scaling("bare-2", "bare, two threads", "").cell("bare", case(|| bare)),
        Row::new("breaker", "breaker closed, success", "12")
            .cell("resil", case(|| breaker))
            .cell("recloser", recloser(answer))
            .cell(TOWER, tower_breaker(answer)),
        Row::scaling("breaker-2", "the same, two threads", "1.8x")
            .cell("resil", case(|| breaker))
            .cell("recloser", recloser(answer))
            .cell(TOWER, tower_breaker(answer)),
        Row::new("failures", "breaker closed, 10 % failures", "24")
            .cell("resil", case(|| breaker_failures))
            .cell("recloser", recloser(fails_one_in_ten))
            .cell(TOWER, tower_breaker(fails_one_in_ten)),
        Row::new("time", "breaker on a window of 60 s", "30").cell("resil", case(|| breaker_time)),
        Row::scaling("time-2", "the same, two threads", "1.8x").cell("resil", case(|| breaker_time)),
        Row::new("open", "breaker open, refusal", "18")
            .cell("resil", case(|| breaker_open))
            .cell("recloser", recloser(fails))
            .cell(TOWER, tower_breaker(fails)),
        Row::new("retry", "retry(idempotent), nothing failed", "8")
            .cell("resil", case(|| retry_idempotent))
            .cell("backon", backon_retry())
            .cell(TOWER, tower_retry()),
        Row::new("retry-unsent", "retry(unsent), nothing failed", "8").cell("resil", case(|| retry_unsent)),
        Row::new("retry-once", "retry, one failure, no delay", "25")
            .cell("resil", case(|| retry_once))
            .cell("backon", backon_retry_once()),
        Row::new("timeout", "timeout, ready at once", "22")
            .cell("resil", case(|| bounded))
            .cell("tokio", tokio_timeout())
            .cell(TOWER, tower_timeout()),
        Row::new("deadline", "deadline, ready at once", "").cell("resil", case(|| due)),
        Row::new("stack", "retry(breaker(timeout))", "none (45 with a semaphore)")
            .cell("resil", case(|| stack))
            .cell("backon+recloser+tokio", by_hand_stack())
            .cell(TOWER, tower_stack()),
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
