//! What others get wrong.

use super::*;

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
    assert_eq!([a, b, c, d].map(|runs| runs.count()), [2, 2, 2, 1], "after a 500 the partner may have acted");
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
