//! Deadlines, keys, judged successes, budgets.

use super::*;

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
    let waited = begun.elapsed();
    assert!((Duration::from_secs(7)..Duration::from_secs(8)).contains(&waited), "{waited:?}");
    _ = call(&hostile, Duration::MAX).await;
    assert_eq!((patient.count(), hostile.count()), (2, 1));
    assert_eq!(begun.elapsed(), waited);
}

#[tokio::test(start_paused = true)]
async fn clients_that_are_told_the_same_time_do_not_return_in_the_same_moment() {
    #[derive(Debug)]
    struct Busy;
    impl Classify for Busy {
        fn verdict(&self) -> Verdict {
            Verdict::status(503).retry_after(Some(Duration::from_secs(30)))
        }
    }
    #[retry(idempotent, attempts = 2)]
    async fn call() -> Result<Instant, Busy> {
        Err(Busy)
    }
    let _scope = resil::testing::isolated();
    let calls = (0..20).map(|_| async {
        _ = call().await;
        Instant::now()
    });
    let mut ended = futures_util::future::join_all(calls).await;
    ended.sort_unstable();
    ended.dedup();
    assert!(ended.len() > 10, "{ended:?}");
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
    let open = Error::CircuitOpen { name: "x", retry_after: None };
    assert_eq!(open.verdict().kind, Kind::Refused);
    assert_eq!(Error::MissingKey { method: "POST" }.verdict().kind, Kind::Caller);
}

#[test]
fn a_hostile_name_is_data() {
    let error = Error::CircuitOpen { name: "a\"\n\u{1b}[31mred", retry_after: Some(Duration::from_secs(1)) };
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains('\u{1b}'), "{text:?}");
}

#[tokio::test(start_paused = true)]
async fn a_breaker_counts_a_partner_that_hangs_until_its_callers_deadline() {
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
