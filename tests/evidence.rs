//! What a circuit breaker takes for a failure of the partner, where a deadline of ours ends the attempt.
#![expect(clippy::unwrap_used, reason = "a test")]

use resil::{CircuitBreaker, Classify, Error, Represents, Verdict, Window, circuit_breaker, deadline, retry, timeout};
use std::future::pending;
use std::io;
use std::time::Duration;
use tokio::time::sleep;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Failures that the breaker of this name has counted.
fn failures(name: &'static str) -> u64 {
    let breaker = CircuitBreaker::named(name).window(Window::Calls(100)).min_calls(5);
    breaker.snapshot().unwrap().failures
}

/// As a caller who has so much time left.
async fn with_only<T>(left: Duration, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    #[deadline("1s")]
    async fn caller<T>(left: Duration, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::advance(Duration::from_secs(1).saturating_sub(left)).await;
        call.await
    }
    caller(left, call).await
}

#[tokio::test(start_paused = true)]
async fn callers_in_a_hurry_do_not_open_the_circuit_of_a_healthy_partner() {
    #[circuit_breaker(name = "hurried", window = 100, min_calls = 5)]
    async fn answers_in_50_ms() -> Result<(), Error> {
        sleep(ms(50)).await;
        Ok(())
    }
    let _scope = resil::testing::isolated();
    for _ in 0..20 {
        let outcome = with_only(ms(20), answers_in_50_ms()).await;
        assert!(
            matches!(outcome, Err(Error::DeadlineExceeded { attempted: true, cut_short: true, .. })),
            "{outcome:?}"
        );
    }
    assert_eq!(failures("hurried"), 0);
    answers_in_50_ms().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_judged_by_the_time_its_own_timeout_gives() {
    #[circuit_breaker(name = "short", window = 100, min_calls = 5)]
    #[timeout("100ms")]
    async fn short() -> Result<(), Error> {
        pending().await
    }
    #[circuit_breaker(name = "long", window = 100, min_calls = 5)]
    #[timeout("10s")]
    async fn long() -> Result<(), Error> {
        pending().await
    }
    #[deadline("1m")]
    #[circuit_breaker(name = "silence", window = 100, min_calls = 5)]
    #[timeout(read = "5s")]
    async fn silent() -> Result<(), Error> {
        pending().await
    }
    let _scope = resil::testing::isolated();
    for _ in 0..3 {
        assert!(with_only(ms(99), short()).await.is_err());
        assert!(with_only(ms(900), long()).await.is_err());
        assert!(with_only(ms(900), silent()).await.is_err());
    }
    assert_eq!(failures("short"), 3, "as good as its whole bound");
    assert_eq!(failures("long"), 0);
    assert_eq!(failures("silence"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_as_long_as_the_timeout_hides_nothing() {
    #[deadline("10s")]
    #[circuit_breaker(name = "hung", window = 100, min_calls = 5)]
    #[timeout("10s")]
    async fn hung() -> Result<(), Error> {
        sleep(ms(1)).await;
        pending().await
    }
    let _scope = resil::testing::isolated();
    // The deadline passes first: it began earlier.
    assert!(hung().await.is_err());
    assert_eq!(failures("hung"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_of_a_retry_that_the_deadline_cuts_is_not_counted_and_the_others_are() {
    #[deadline("7s")]
    #[retry(idempotent, attempts = 5, base = "1ms", jitter = "none")]
    #[circuit_breaker(name = "retried", window = 100, min_calls = 5)]
    #[timeout("3s")]
    async fn retried() -> Result<(), Error> {
        pending().await
    }
    let _scope = resil::testing::isolated();
    assert!(retried().await.is_err());
    assert_eq!(failures("retried"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_cut_short_gives_its_place_back() {
    #[circuit_breaker(name = "probed", window = 100, min_calls = 5, half_open_calls = 1)]
    async fn probed(wait: Duration) -> Result<(), Error> {
        sleep(wait).await;
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let breaker = CircuitBreaker::named("probed").window(Window::Calls(100)).min_calls(5).half_open_calls(1);
    breaker.force_open_for(ms(1)).unwrap();
    tokio::time::advance(ms(1)).await;
    assert!(with_only(ms(20), probed(ms(50))).await.is_err());
    probed(ms(50)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn errors_of_ones_own_hand_it_on() {
    #[derive(Debug, Classify)]
    enum Mine {
        #[classify(delegate)]
        Policy(Error),
    }
    impl From<Error> for Mine {
        fn from(error: Error) -> Self {
            Self::Policy(error)
        }
    }
    #[circuit_breaker(name = "inner of mine", window = 100, min_calls = 5)]
    async fn inner<E: Classify + From<Error> + Represents>() -> Result<(), E> {
        sleep(ms(50)).await;
        Ok(())
    }
    #[deadline("20ms")]
    #[circuit_breaker(name = "outer of mine", window = 100, min_calls = 5)]
    async fn outer<E: Classify + From<Error> + Represents>() -> Result<(), E> {
        inner().await
    }
    let _scope = resil::testing::isolated();
    let verdicts: [Verdict; 2] =
        [outer::<Mine>().await.unwrap_err().verdict(), outer::<io::Error>().await.unwrap_err().verdict()];
    assert!(verdicts.iter().all(resil::Verdict::is_cut_short), "{verdicts:?}");
    assert_eq!((failures("inner of mine"), failures("outer of mine")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_cut_short_is_slow_if_it_was_as_long_as_a_slow_call() {
    #[circuit_breaker(name = "slow", window = 100, min_calls = 5, slow_call = "500ms", slow_rate = 0.5)]
    #[timeout("10s")]
    async fn hangs() -> Result<(), Error> {
        pending().await
    }
    #[circuit_breaker(name = "slow lately", window = "1m", min_calls = 5, slow_call = "500ms", slow_rate = 0.5)]
    #[timeout("10s")]
    async fn hangs_lately() -> Result<(), Error> {
        pending().await
    }
    let _scope = resil::testing::isolated();
    let snapshot = |name| resil::registry().circuit_breaker(name).unwrap().snapshot().unwrap();
    for _ in 0..4 {
        assert!(with_only(ms(499), hangs()).await.is_err());
        assert!(with_only(ms(500), hangs()).await.is_err());
        assert!(with_only(ms(900), hangs_lately()).await.is_err());
    }
    assert_eq!((snapshot("slow").calls, snapshot("slow").slow, snapshot("slow").failures), (4, 4, 0));
    assert_eq!((snapshot("slow lately").slow, snapshot("slow lately").failures), (4, 0));
    assert!(with_only(ms(900), hangs()).await.is_err());
    assert!(with_only(ms(900), hangs_lately()).await.is_err());
    assert!(matches!(with_only(ms(900), hangs()).await, Err(Error::CircuitOpen { .. })), "a partner that hangs");
    assert!(matches!(with_only(ms(900), hangs_lately()).await, Err(Error::CircuitOpen { .. })));
    // A probe too: the circuit opens again, and its place is free.
    tokio::time::advance(Duration::from_secs(31)).await;
    for _ in 0..5 {
        assert!(with_only(ms(900), hangs()).await.is_err());
    }
    assert_eq!(snapshot("slow").state, resil::CircuitState::Open);
}
