//! At most so many calls at a time: shared by name, fair, resizable, and nothing lost to whoever is dropped.

use resil::{Classify, Error, Kind, Semaphore, circuit_breaker, deadline, fallback, retry, semaphore, timeout};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

type Answer = Result<u32, Error>;

#[tokio::test(start_paused = true)]
async fn whoever_comes_when_all_permits_are_out_is_refused_at_once() {
    #[semaphore(name = "two", permits = 2)]
    async fn call(gate: &Notify) -> Answer {
        gate.notified().await;
        Ok(1)
    }
    let _scope = resil::testing::isolated();
    let gate = Notify::new();
    let (first, second, third) = tokio::join!(call(&gate), call(&gate), async {
        let third = call(&gate).await;
        gate.notify_waiters();
        third
    });
    assert!(first.is_ok() && second.is_ok());
    let error = third.unwrap_err();
    assert!(matches!(error, Error::SemaphoreFull { name: "two", limit: 2, waited: Duration::ZERO }), "{error}");
    assert_eq!(error.verdict().kind, Kind::Refused);
    assert!(
        call(&{
            let open = Notify::new();
            open.notify_one();
            open
        })
        .await
        .is_ok(),
        "both came back"
    );
}

#[tokio::test(start_paused = true)]
async fn two_functions_share_the_permits_of_one_name() {
    #[semaphore(name = "shared", permits = 1)]
    async fn one() -> Answer {
        two().await
    }
    #[semaphore(name = "shared", permits = 1)]
    async fn two() -> Answer {
        Ok(2)
    }
    let _scope = resil::testing::isolated();
    assert!(matches!(one().await, Err(Error::SemaphoreFull { .. })), "the outer call holds the only one");
    assert_eq!(two().await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_bounded_wait_ends_with_its_bound_or_the_deadline() {
    #[semaphore(name = "waited for", permits = 1, max_wait = "5s")]
    async fn waits() -> Answer {
        Ok(1)
    }
    #[deadline("2s")]
    #[semaphore(name = "waited for", permits = 1, max_wait = "5s")]
    async fn hurries() -> Answer {
        Ok(1)
    }
    static WAITED_FOR: Semaphore = Semaphore::new(1).name("waited for").max_wait(Duration::from_secs(5));
    let _scope = resil::testing::isolated();
    let permit = WAITED_FOR.acquire().await.unwrap();
    let begun = Instant::now();
    assert!(matches!(waits().await, Err(Error::SemaphoreFull { waited, .. }) if waited == Duration::from_secs(5)));
    assert!(matches!(hurries().await, Err(Error::DeadlineExceeded { attempted: false, .. })));
    assert_eq!(begun.elapsed(), Duration::from_secs(7));
    assert_eq!(WAITED_FOR.usage().unwrap().waiting, 0);
    let (waited, ()) = tokio::join!(waits(), async { drop(permit) });
    assert_eq!(waited.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_semaphore_neither_opens_a_breaker_nor_is_repeated_and_reaches_the_fallback() {
    #[retry(idempotent, attempts = 5)]
    #[circuit_breaker(name = "spared", window = 2, min_calls = 2)]
    #[semaphore(name = "full", permits = 1)]
    #[timeout("1s")]
    async fn call(runs: &AtomicU32) -> Answer {
        Ok(runs.fetch_add(1, Relaxed))
    }
    #[fallback(value = 7)]
    #[semaphore(name = "full", permits = 1)]
    async fn answered() -> Answer {
        Ok(1)
    }
    static FULL: Semaphore = Semaphore::new(1).name("full");
    static SPARED: resil::CircuitBreaker =
        resil::CircuitBreaker::named("spared").window(resil::Window::Calls(2)).min_calls(2);
    let _scope = resil::testing::isolated();
    let runs = AtomicU32::new(0);
    let permit = FULL.acquire().await.unwrap();
    for _ in 0..10 {
        assert!(matches!(call(&runs).await, Err(Error::SemaphoreFull { .. })));
    }
    assert_eq!((runs.load(Relaxed), SPARED.snapshot().unwrap().calls), (0, 0));
    assert_eq!(answered().await.unwrap(), 7);
    drop(permit);
    assert!(call(&runs).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn no_permit_is_held_while_a_retry_waits() {
    #[derive(Debug, Classify)]
    enum Failed {
        #[classify(transient)]
        Busy,
        #[classify(delegate)]
        Policy(Error),
    }
    impl From<Error> for Failed {
        fn from(error: Error) -> Self {
            Self::Policy(error)
        }
    }
    #[retry(idempotent, attempts = 2, base = "10s", jitter = "none")]
    #[semaphore(name = "held", permits = 1)]
    async fn call() -> Result<(), Failed> {
        Err(Failed::Busy)
    }
    static HELD: Semaphore = Semaphore::new(1).name("held");
    let _scope = resil::testing::isolated();
    let (outcome, ()) = tokio::join!(call(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(HELD.usage().unwrap().in_use, 0);
    });
    assert!(matches!(outcome, Err(Failed::Busy)));
}

#[tokio::test(start_paused = true)]
async fn a_panic_and_a_dropped_call_give_the_permit_back() {
    #[semaphore(name = "returned", permits = 1)]
    async fn call(panics: bool) -> Answer {
        tokio::task::yield_now().await;
        assert!(!panics, "as asked");
        std::future::pending().await
    }
    static RETURNED: Semaphore = Semaphore::new(1).name("returned");
    let _scope = resil::testing::isolated();
    assert!(tokio::spawn(call(true)).await.unwrap_err().is_panic());
    assert_eq!(RETURNED.usage().unwrap().in_use, 0);
    assert!(tokio::time::timeout(Duration::from_secs(1), call(false)).await.is_err());
    assert_eq!(RETURNED.usage().unwrap().in_use, 0);
}

#[tokio::test(start_paused = true)]
async fn a_handle_resizes_what_everybody_shares() {
    #[semaphore(name = "resized", permits = 1)]
    async fn call() -> Answer {
        Ok(1)
    }
    static RESIZED: Semaphore = Semaphore::new(1).name("resized");
    let _scope = resil::testing::isolated();
    RESIZED.resize(2).unwrap();
    let first = RESIZED.acquire().await.unwrap();
    assert!(call().await.is_ok());
    RESIZED.resize(1).unwrap();
    assert!(matches!(call().await, Err(Error::SemaphoreFull { limit: 1, .. })));
    assert!(matches!(RESIZED.resize(0), Err(Error::Misconfigured(_))));
    drop(first);
    assert!(call().await.is_ok());
}
