//! `MicroProfile` Fault Tolerance: policies together.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_breaker_of_four_inside_eight_attempts_lets_four_run_and_then_answers_open() {
    #[retry(idempotent, attempts = 8)]
    #[circuit_breaker(window = 4, min_calls = 4, failure_rate = 0.75)]
    async fn call(runs: &Runs) -> io::Result<()> {
        runs.next();
        Err(lost())
    }
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    assert!(is_open(&call(&runs).await.unwrap_err()));
    assert_eq!(runs.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_of_four_inside_three_attempts_lets_three_run_and_keeps_the_error() {
    #[retry(idempotent, attempts = 3)]
    #[circuit_breaker(window = 4, min_calls = 4, failure_rate = 0.75)]
    async fn call(runs: &Runs) -> io::Result<()> {
        runs.next();
        Err(lost())
    }
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    assert_eq!(call(&runs).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(runs.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_a_retry_holds_for_each_attempt() {
    #[retry(idempotent, attempts = 2)]
    #[timeout("1s")]
    async fn call(runs: &Runs) -> Result<(), Failed> {
        runs.next();
        pending().await
    }
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    let begun = Instant::now();
    assert!(matches!(call(&runs).await, Err(Failed::Policy(Error::Timeout { .. }))));
    assert_eq!(runs.count(), 2);
    assert!(begun.elapsed() > Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn unsent_does_not_repeat_a_timeout_whose_outcome_is_unknown() {
    #[retry(unsent)]
    #[timeout("10s", read = "1s", allow(range))]
    async fn call(runs: &Runs) -> Result<(), Failed> {
        runs.next();
        pending().await
    }
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    let failed = call(&runs).await.unwrap_err();
    assert!(matches!(failed, Failed::Policy(Error::Timeout { phase: resil::Phase::Read, .. })), "{failed:?}");
    assert_eq!(runs.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn six_attempts_that_fail_run_six_times() {
    #[retry(unsent, attempts = 6)]
    async fn call(runs: &Runs) -> io::Result<()> {
        runs.next();
        Err(io::ErrorKind::ConnectionRefused.into())
    }
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    assert!(call(&runs).await.is_err());
    assert_eq!(runs.count(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_ends_exactly_with_the_deadline_is_not_waited_for() {
    // With a literal instead of the constant this would not compile: the waits cannot fit.
    const BASE: Duration = Duration::from_secs(1);
    #[deadline("3s")]
    #[retry(idempotent, attempts = 6, base = BASE, jitter = "none")]
    async fn call(runs: &Runs) -> io::Result<()> {
        runs.next();
        Err(lost())
    }
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    let begun = Instant::now();
    // Runs at 0 s and 1 s; the next wait of 2 s would end at 3 s, when the time is spent.
    assert_eq!(call(&runs).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(runs.count(), 2);
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}
