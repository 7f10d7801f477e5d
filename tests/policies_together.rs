//! Policies stacked on one function, and functions that call each other: sequences with known outcomes, in paused
//! time. The breaker's own sequences are tested beside it, in `resil-runtime`.

use resil::{Classify, Error, IdempotencyKey, Kind, Verdict, circuit_breaker, deadline, retry, timeout};
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

/// Counts the runs of a body.
#[derive(Default)]
struct Runs(AtomicU32);

impl Runs {
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Relaxed) + 1
    }

    fn count(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

#[derive(Debug, Classify)]
enum Failed {
    #[classify(status)]
    Status(u16),
    #[classify(delegate)]
    Policy(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

fn lost() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn is_open(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(inner, Some(Error::CircuitOpen { .. }))
}

// MicroProfile Fault Tolerance: policies together.

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

// What others get wrong.

#[tokio::test(start_paused = true)]
async fn fifty_callers_in_half_open_with_two_places_two_run() {
    #[circuit_breaker(window = 1, min_calls = 1, open_for = "1s", half_open_calls = 2)]
    async fn call(runs: &Runs, ok: bool) -> io::Result<()> {
        runs.next();
        tokio::task::yield_now().await;
        if ok { Ok(()) } else { Err(lost()) }
    }
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    _ = call(&runs, false).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let mut probes: Vec<_> = (0..50).map(|_| Box::pin(call(&runs, true))).collect();
    let mut refused = 0;
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for probe in &mut probes {
        if let std::task::Poll::Ready(Err(error)) = probe.as_mut().poll(&mut context) {
            refused += u32::from(is_open(&error));
        }
    }
    assert_eq!((runs.count(), refused), (3, 48), "the first call, and two probes");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_frees_its_place_and_the_breaker_recovers() {
    #[circuit_breaker(window = 1, min_calls = 1, open_for = "1s", half_open_calls = 1)]
    async fn call(how: Option<bool>) -> io::Result<()> {
        match how {
            None => pending().await,
            Some(true) => Ok(()),
            Some(false) => Err(lost()),
        }
    }
    let _scope = resil::testing::isolated();
    _ = call(Some(false)).await;
    for _ in 0..10 {
        tokio::time::advance(Duration::from_secs(1)).await;
        let dropped = tokio::time::timeout(Duration::from_millis(1), call(None)).await;
        assert!(dropped.is_err(), "a probe ran until it was dropped");
    }
    assert!(call(Some(true)).await.is_ok(), "the place is free");
    assert!(call(Some(true)).await.is_ok(), "closed");
}

#[tokio::test(start_paused = true)]
async fn panics_are_failures_and_unwind_on() {
    #[retry(idempotent)]
    #[circuit_breaker(window = 3, min_calls = 3)]
    async fn call(runs: &Runs) -> io::Result<()> {
        runs.next();
        panic!("the body panics")
    }
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    let (mut unwound, mut refused) = (0, 0);
    for _ in 0..10 {
        let mut call = Box::pin(call(&runs));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| call.as_mut().poll(&mut context)));
        match polled {
            Err(_) => unwound += 1,
            Ok(std::task::Poll::Ready(Err(error))) if is_open(&error) => refused += 1,
            Ok(other) => panic!("neither unwound nor refused: {other:?}"),
        }
    }
    assert_eq!((unwound, refused, runs.count()), (3, 7, 3));
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_another_panics_is_not_a_failure() {
    static BREAKER: resil::CircuitBreaker =
        resil::CircuitBreaker::named("dropped while panicking").window(resil::Window::Calls(1)).min_calls(1);
    #[circuit_breaker(name = "dropped while panicking", window = 1, min_calls = 1)]
    async fn call() -> io::Result<()> {
        pending().await
    }
    let _scope = resil::testing::isolated();
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut call = Box::pin(call());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
        panic!("elsewhere on this thread");
    }));
    assert!(unwound.is_err());
    assert_eq!(BREAKER.snapshot().unwrap().calls, 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_with_a_question_mark_under_three_attempts_runs_three_times() {
    #[retry(idempotent)]
    async fn call(runs: &Runs) -> io::Result<u32> {
        runs.next();
        let number = Err(lost())?;
        Ok(number)
    }
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    assert!(call(&runs).await.is_err());
    assert_eq!(runs.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn four_attempts_at_one_second_doubled_wait_one_two_and_four_seconds() {
    #[retry(idempotent, attempts = 4, base = "1s", jitter = "none")]
    async fn call(times: &std::sync::Mutex<Vec<Instant>>) -> Result<(), Failed> {
        times.lock().unwrap().push(Instant::now());
        Err(Failed::Status(503))
    }
    let _scope = resil::testing::isolated();
    let times = std::sync::Mutex::new(Vec::new());
    assert!(call(&times).await.is_err());
    let times = times.into_inner().unwrap();
    let waits: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn gateway_trouble_is_repeated_and_nothing_else() {
    #[retry(idempotent, attempts = 2)]
    async fn call(runs: &Runs, status: u16) -> Result<(), Failed> {
        runs.next();
        Err(Failed::Status(status))
    }
    let _scope = resil::testing::isolated();
    for (status, expected) in
        [(502, 2), (503, 2), (504, 2), (400, 1), (401, 1), (403, 1), (404, 1), (409, 1), (422, 1), (429, 1), (500, 1)]
    {
        let runs = Runs::default();
        assert!(call(&runs, status).await.is_err());
        assert_eq!(runs.count(), expected, "status {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_listed_status_is_repeated_unless_only_the_unsent_may_be() {
    #[retry(idempotent, attempts = 2, retry_status = [429, 500])]
    async fn listed(runs: &Runs, status: u16) -> Result<(), Failed> {
        runs.next();
        Err(Failed::Status(status))
    }
    #[retry(unsent, attempts = 2, retry_status = [429, 500])]
    async fn unsent(runs: &Runs, status: u16) -> Result<(), Failed> {
        runs.next();
        Err(Failed::Status(status))
    }
    let _scope = resil::testing::isolated();
    let [a, b, c, d] = [(); 4].map(|()| Runs::default());
    _ = (listed(&a, 429).await, listed(&b, 500).await, unsent(&c, 429).await, unsent(&d, 500).await);
    assert_eq!([a, b, c, d].map(|runs| runs.count()), [2, 2, 2, 1], "after a 500 the peer may have acted");
}

#[tokio::test(start_paused = true)]
async fn one_probe_that_succeeds_closes_and_one_that_fails_opens_again() {
    #[circuit_breaker(window = 1, min_calls = 1, open_for = "1s", half_open_calls = 1)]
    async fn call(ok: bool) -> io::Result<()> {
        if ok { Ok(()) } else { Err(lost()) }
    }
    let _scope = resil::testing::isolated();
    let second = Duration::from_secs(1);
    _ = call(false).await;
    tokio::time::advance(second).await;
    assert_eq!(call(false).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset, "a probe");
    assert!(is_open(&call(true).await.unwrap_err()));
    tokio::time::advance(second).await;
    assert!(call(true).await.is_ok(), "a probe");
    assert!(call(true).await.is_ok(), "closed");
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_further_in_is_neither_repeated_nor_counted_further_out() {
    #[circuit_breaker(name = "inner", window = 1, min_calls = 1)]
    async fn inner(runs: &Runs) -> Result<(), Failed> {
        runs.next();
        Err(Failed::Status(503))
    }
    #[retry(idempotent)]
    #[circuit_breaker(name = "outer", window = 10, min_calls = 1)]
    async fn outer(runs: &Runs) -> Result<(), Failed> {
        inner(runs).await
    }
    static OUTER: resil::CircuitBreaker =
        resil::CircuitBreaker::named("outer").window(resil::Window::Calls(10)).min_calls(1);
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    assert!(inner(&runs).await.is_err());
    let error = outer(&runs).await.unwrap_err();
    assert!(matches!(error, Failed::Policy(Error::CircuitOpen { name: "inner", .. })), "{error:?}");
    assert_eq!(runs.count(), 1);
    assert_eq!(OUTER.snapshot().unwrap().calls, 0);
}

// Deadlines, keys, judged successes.

#[tokio::test(start_paused = true)]
async fn a_nested_call_gets_what_remains_of_its_callers_deadline() {
    #[deadline("10s")]
    async fn inner() -> Result<(), Error> {
        pending().await
    }
    #[deadline("2s")]
    async fn outer() -> Result<(), Error> {
        inner().await
    }
    let _scope = resil::testing::isolated();
    let begun = Instant::now();
    let error = outer().await.unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { attempted: true, limit, .. } if limit == Duration::from_secs(2)));
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_nested_retry_does_not_wait_past_its_callers_deadline() {
    #[retry(idempotent, attempts = 10, base = "1s", jitter = "none")]
    async fn inner(runs: &Runs) -> io::Result<()> {
        runs.next();
        Err(lost())
    }
    #[deadline("4s")]
    async fn outer(runs: &Runs) -> io::Result<()> {
        inner(runs).await
    }
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    assert_eq!(outer(&runs).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(runs.count(), 3, "at 0, 1 and 3 s");
}

#[tokio::test(start_paused = true)]
async fn a_call_begun_after_the_deadline_is_refused_and_runs_nothing() {
    #[deadline("1s")]
    async fn inner(runs: &Runs) -> Result<(), Error> {
        runs.next();
        Ok(())
    }
    #[deadline("1s")]
    async fn outer(runs: &Runs) -> Result<(), Error> {
        // Longer than the deadline in one poll, so that nothing can cut it.
        tokio::time::advance(Duration::from_secs(2)).now_or_never();
        inner(runs).await
    }
    trait NowOrNever: Future + Sized {
        fn now_or_never(self) {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            _ = std::pin::pin!(self).poll(&mut context);
        }
    }
    impl<F: Future> NowOrNever for F {}
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    let error = outer(&runs).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::refused(), "{error}");
    assert_eq!(runs.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_a_lower_bound_and_never_waits_past_a_minute_without_a_deadline() {
    #[derive(Debug)]
    struct Busy(Duration);
    impl Classify for Busy {
        fn verdict(&self) -> Verdict {
            Verdict::status(503).retry_after(Some(self.0))
        }
    }
    #[retry(idempotent, attempts = 2)]
    async fn call(runs: &Runs, wait: Duration) -> Result<(), Busy> {
        runs.next();
        Err(Busy(wait))
    }
    let _scope = resil::testing::isolated();
    let (patient, hostile) = (Runs::default(), Runs::default());
    let begun = Instant::now();
    _ = call(&patient, Duration::from_secs(7)).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(7));
    _ = call(&hostile, Duration::MAX).await;
    assert_eq!((patient.count(), hostile.count()), (2, 1));
    assert_eq!(begun.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_success_judged_a_failure_is_repeated_and_counted() {
    fn is_pending(answer: &&str) -> bool {
        *answer == "pending"
    }
    fn says_broken(answer: &&str) -> Option<Verdict> {
        (*answer == "broken").then(Verdict::permanent)
    }
    #[retry(idempotent, attempts = 2, failure_if = is_pending)]
    #[circuit_breaker(name = "judged", window = 10, failure_if = says_broken)]
    async fn call(runs: &Runs, answer: &'static str) -> Result<&'static str, Error> {
        runs.next();
        Ok(answer)
    }
    static JUDGED: resil::CircuitBreaker = resil::CircuitBreaker::named("judged").window(resil::Window::Calls(10));
    let _scope = resil::testing::isolated();
    let runs = Runs::default();
    assert_eq!(call(&runs, "pending").await.unwrap(), "pending");
    assert_eq!(runs.count(), 2);
    assert_eq!(call(&runs, "broken").await.unwrap(), "broken");
    assert_eq!(runs.count(), 3);
    let snapshot = JUDGED.snapshot().unwrap();
    assert_eq!((snapshot.calls, snapshot.failures), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_plain_response_is_judged_by_its_status() {
    #[retry(idempotent, attempts = 2)]
    async fn call(runs: &Runs, status: u16) -> Result<http::Response<()>, Error> {
        runs.next();
        Ok(http::Response::builder().status(status).body(()).unwrap())
    }
    let _scope = resil::testing::isolated();
    let (busy, fine) = (Runs::default(), Runs::default());
    assert_eq!(call(&busy, 503).await.unwrap().status(), 503);
    assert_eq!(call(&fine, 200).await.unwrap().status(), 200);
    assert_eq!((busy.count(), fine.count()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn every_attempt_sees_the_same_key() {
    #[retry(idempotency_key = key, attempts = 3)]
    async fn call(keys: &std::sync::Mutex<Vec<String>>, key: &IdempotencyKey) -> io::Result<()> {
        keys.lock().unwrap().push(format!("{key}"));
        Err(lost())
    }
    let _scope = resil::testing::isolated();
    let keys = std::sync::Mutex::new(Vec::new());
    let key = IdempotencyKey::random();
    assert!(call(&keys, &key).await.is_err());
    assert_eq!(keys.into_inner().unwrap(), [key.as_str(); 3]);
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_ends_retries_and_belongs_to_the_sibling_breaker() {
    #[retry(idempotent, attempts = 51, base = "0ms")]
    #[circuit_breaker(name = "one budget", window = 1000, min_calls = 1000)]
    async fn call(runs: &Runs) -> io::Result<()> {
        runs.next();
        Err(lost())
    }
    #[retry(idempotent, attempts = 51, base = "0ms", budget = "one budget")]
    async fn neighbour(runs: &Runs) -> io::Result<()> {
        runs.next();
        Err(lost())
    }
    #[retry(idempotent, attempts = 51, base = "0ms", budget = none)]
    async fn unlimited(runs: &Runs) -> io::Result<()> {
        runs.next();
        Err(lost())
    }
    let _scope = resil::testing::isolated();
    let [first, second, third, fourth] = [(); 4].map(|()| Runs::default());
    _ = call(&first).await;
    _ = call(&second).await;
    _ = neighbour(&third).await;
    _ = unlimited(&fourth).await;
    assert_eq!([first, second, third, fourth].map(|runs| runs.count()), [51, 51, 1, 51], "a hundred tokens");
}

#[tokio::test(start_paused = true)]
async fn two_scopes_never_share_a_breaker() {
    #[circuit_breaker(window = 1, min_calls = 1)]
    async fn call(ok: bool) -> io::Result<()> {
        if ok { Ok(()) } else { Err(lost()) }
    }
    let outer = resil::testing::isolated();
    _ = call(false).await;
    assert!(is_open(&call(true).await.unwrap_err()));
    let inner = resil::testing::isolated();
    assert!(call(true).await.is_ok());
    drop(inner);
    assert!(is_open(&call(true).await.unwrap_err()));
    drop(outer);
}

#[test]
fn the_verdicts_of_our_own_errors() {
    let open = Error::CircuitOpen { name: "x", retry_after: Duration::ZERO };
    assert_eq!(open.verdict().kind, Kind::Refused);
    assert_eq!(Error::MissingKey { method: "POST" }.verdict().kind, Kind::Caller);
}

#[test]
fn a_hostile_name_is_data() {
    let error = Error::CircuitOpen { name: "a\"\n\u{1b}[31mred", retry_after: Duration::from_secs(1) };
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains('\u{1b}'), "{text:?}");
}

#[tokio::test(start_paused = true)]
async fn a_breaker_counts_a_peer_that_hangs_until_its_callers_deadline() {
    #[circuit_breaker(name = "hangs", window = 2, min_calls = 2)]
    async fn inner() -> Result<(), Error> {
        pending().await
    }
    #[deadline("1s")]
    async fn outer() -> Result<(), Error> {
        inner().await
    }
    static HANGS: resil::CircuitBreaker =
        resil::CircuitBreaker::named("hangs").window(resil::Window::Calls(2)).min_calls(2);
    let _scope = resil::testing::isolated();
    for _ in 0..2 {
        assert!(matches!(outer().await, Err(Error::DeadlineExceeded { attempted: true, .. })));
    }
    assert_eq!(HANGS.snapshot().unwrap().state, resil::CircuitState::Open);
}
