//! One set of settings for several functions.
#![expect(clippy::unwrap_used, reason = "a test")]

use resil::policy::{bulkhead, retry, semaphore, timeout};
use resil::{
    Bulkhead, CircuitBreaker, CircuitState, Error, Jitter, Phase, Retry, Semaphore, Settings, Timeout, Window,
    bulkhead, circuit_breaker, deadline, retry, semaphore, timeout,
};
use std::cell::Cell;
use std::io;
use std::time::Duration;
use tokio::time::Instant;

const BANK: Settings = Settings {
    window: Window::Calls(2),
    min_calls: 2,
    slow_call: Some(Duration::from_secs(1)),
    open_for: Duration::from_secs(60),
    ..Settings::new()
};

const PATIENT: retry::Settings = retry::Settings {
    attempts: 4,
    base: Duration::from_secs(1),
    jitter: Jitter::None,
    retry_status: &[429],
    ..retry::Settings::new()
};

const SHORT: timeout::Settings =
    timeout::Settings { read: Some(Duration::from_secs(6)), ..timeout::Settings::new(Duration::from_secs(8)) };

const FEW: semaphore::Settings =
    semaphore::Settings { max_wait: Duration::from_secs(1), ..semaphore::Settings::new(2) };

const THREADS: bulkhead::Settings = bulkhead::Settings { queue: 3, ..bulkhead::Settings::new(2) };

#[circuit_breaker(name = "bank", settings = BANK)]
async fn balance() -> io::Result<()> {
    Err(io::ErrorKind::TimedOut.into())
}

#[circuit_breaker(name = "bank", settings = BANK)]
async fn transfer() -> io::Result<()> {
    Err(io::ErrorKind::TimedOut.into())
}

/// What belongs to `slow_call` is in the set.
#[circuit_breaker(settings = BANK, slow_rate = 0.5, open_for = "1s", open_max = "5m")]
async fn with_more() -> Result<(), Error> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn functions_that_share_them_share_a_circuit() {
    static BY_HAND: CircuitBreaker = CircuitBreaker::named("bank").settings(BANK);
    let _scope = resil::testing::isolated();
    assert!(balance().await.is_err() && transfer().await.is_err());
    assert_eq!(BY_HAND.snapshot().unwrap().state, CircuitState::Open);
    with_more().await.unwrap();
}

fn assert_shown(function: &str, settings: &[&str]) {
    let sites = resil::registry().call_sites();
    let shown = sites.iter().map(ToString::to_string).find(|site| site.contains(function)).unwrap();
    for setting in settings {
        assert!(shown.contains(setting), "{setting} in {shown}");
    }
}

#[test]
fn what_is_written_beside_them_counts() {
    assert_shown("with_more", &["window = 2", "slow_call = 1s", "slow_rate = 0.5", "open_for = 1s"]);
    assert_shown("fewer_attempts", &["attempts = 2", "base = 1s", "jitter = None", "retry_status = [429]"]);
    assert_shown("without_statuses", &["attempts = 4", "retry_status = []"]);
    assert_shown("shorter", &["attempt = 3s", "read = 2s"]);
    assert_shown("one_at_a_time", &["permits = 1", "max_wait = 1s"]);
    assert_shown("for_each", &["permits = 2", "max_wait = 0ns"]);
    assert_shown("one_thread", &["threads = 1", "queue = 3", "max_wait = 5s"]);
}

#[retry(idempotent, settings = PATIENT)]
async fn repeated(attempts: &Cell<u32>) -> io::Result<()> {
    attempts.set(attempts.get() + 1);
    Err(io::ErrorKind::TimedOut.into())
}

#[retry(unsent, attempts = 2, settings = PATIENT, budget = none)]
async fn fewer_attempts(attempts: &Cell<u32>) -> io::Result<()> {
    attempts.set(attempts.get() + 1);
    Err(io::ErrorKind::ConnectionRefused.into())
}

#[retry(unsent, settings = PATIENT, retry_status = [])]
async fn without_statuses() -> io::Result<()> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_retry_has_them() {
    static BY_HAND: Retry = Retry::idempotent().settings(PATIENT);
    let _scope = resil::testing::isolated();
    let (attempts, begun) = (Cell::new(0), Instant::now());
    repeated(&attempts).await.unwrap_err();
    assert_eq!((attempts.take(), begun.elapsed().as_secs()), (4, 1 + 2 + 4));
    fewer_attempts(&attempts).await.unwrap_err();
    assert_eq!(attempts.take(), 2);
    let by_hand = BY_HAND.call(|| async {
        attempts.set(attempts.get() + 1);
        io::Result::<()>::Err(io::ErrorKind::TimedOut.into())
    });
    by_hand.await.unwrap_err();
    assert_eq!(attempts.take(), 4);
}

#[timeout(settings = SHORT)]
async fn silent() -> Result<(), Error> {
    std::future::pending().await
}

#[timeout("3s", settings = SHORT, read = "2s", allow(range))]
async fn shorter() -> Result<(), Error> {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn a_timeout_has_them() {
    static BY_HAND: Timeout = Timeout::of(SHORT);
    let _scope = resil::testing::isolated();
    let limit = |outcome: Result<(), Error>| match outcome.unwrap_err() {
        Error::Timeout { phase: Phase::Read, limit, .. } => limit.as_secs(),
        other => panic!("{other}"),
    };
    assert_eq!(limit(silent().await), 6);
    assert_eq!(limit(shorter().await), 2);
    assert_eq!(limit(BY_HAND.apply(silent()).await.map_err(resil::Failure::into_error)), 6);
}

#[semaphore(name = "few", settings = FEW)]
async fn limited() -> Result<(), Error> {
    std::future::pending().await
}

#[semaphore(permits = 1, settings = FEW)]
async fn one_at_a_time() -> Result<(), Error> {
    Ok(())
}

#[semaphore(key = tenant, settings = FEW, max_wait = "0s")]
async fn for_each(tenant: u32) -> Result<(), Error> {
    Ok(())
}

#[bulkhead(name = "threads", settings = THREADS)]
async fn apart() -> Result<(), Error> {
    Ok(())
}

#[bulkhead(threads = 1, settings = THREADS, max_wait = "5s")]
async fn one_thread() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn limits_have_them() {
    static PERMITS: Semaphore = Semaphore::of(FEW).name("few");
    static APART: Bulkhead = Bulkhead::of(THREADS).name("threads");
    let _scope = resil::testing::isolated();
    assert_eq!(PERMITS.usage().unwrap().limit, 2);
    apart().await.unwrap();
    one_at_a_time().await.unwrap();
    for_each(7).await.unwrap();
    one_thread().await.unwrap();
    assert_eq!(APART.usage().unwrap().limit, 2);
}

#[deadline("5s")]
#[retry(idempotent, settings = PATIENT)]
async fn waits_too_long() -> io::Result<()> {
    Ok(())
}

#[tokio::test]
async fn what_is_in_them_is_checked_at_start() {
    waits_too_long().await.unwrap();
    let problems = resil::check().unwrap_err();
    let [problem] = problems.problems() else { panic!("{problems}") };
    assert!(problem.contains("waits_too_long") && problem.contains("add up to 7s"), "{problem}");
}
