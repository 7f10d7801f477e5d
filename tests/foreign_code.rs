//! Other people's code that panics where we call it: a `tracing` subscriber, a listener's waker, destructors of a body and
//! of a kept value. Places come back, what failed is counted, and nothing of theirs runs under a lock of ours.
#![expect(clippy::unwrap_used, reason = "a test")]

use resil::{CircuitBreaker, CircuitState, Error, Fallback, Window, circuit_breaker, deadline, retry, timeout};
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

mod support {
    //! A subscriber that panics.

    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    pub(super) struct Panics(pub(super) &'static AtomicBool);

    impl Subscriber for Panics {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "resil"
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {
            assert!(!self.0.load(SeqCst), "the subscriber panics");
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }
}

fn panics(call: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

/// Half-open, with one place, as soon as somebody asks.
fn about_to_probe(breaker: &CircuitBreaker) {
    breaker.force_open_for(Duration::from_nanos(1)).unwrap();
    std::thread::yield_now();
}

#[test]
fn a_subscriber_that_panics_takes_no_place_of_a_probe_with_it() {
    static PANICS: AtomicBool = AtomicBool::new(false);
    static PROBED: CircuitBreaker = CircuitBreaker::named("probed under a subscriber").half_open_calls(1);
    tracing::subscriber::with_default(support::Panics(&PANICS), || {
        about_to_probe(&PROBED);
        PANICS.store(true, SeqCst);
        assert!(panics(|| drop(PROBED.admit())));
        PANICS.store(false, SeqCst);
        assert_eq!(PROBED.snapshot().unwrap().state, CircuitState::HalfOpen);
        PROBED.admit().unwrap().record(None);
        assert_eq!(PROBED.snapshot().unwrap().state, CircuitState::Closed);
    });
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_hides_no_time_out_from_the_breaker() {
    static PANICS: AtomicBool = AtomicBool::new(false);
    #[circuit_breaker(name = "timed out under a subscriber", window = 10, min_calls = 5)]
    #[timeout("1s")]
    async fn call() -> Result<(), Error> {
        pending().await
    }
    static BREAKER: CircuitBreaker =
        CircuitBreaker::named("timed out under a subscriber").window(Window::Calls(10)).min_calls(5);
    let _scope = resil::testing::isolated();
    let _default = tracing::subscriber::set_default(support::Panics(&PANICS));
    PANICS.store(true, SeqCst);
    assert!(catching(call()).await.is_err());
    PANICS.store(false, SeqCst);
    assert_eq!(BREAKER.snapshot().unwrap().failures, 1);
}

#[test]
fn a_listener_that_panics_takes_no_place_of_a_probe_with_it() {
    struct Panics(AtomicBool);
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            assert!(!self.0.load(SeqCst), "the waker panics");
        }
    }
    static PROBED: CircuitBreaker = CircuitBreaker::named("probed under a listener").half_open_calls(1);
    let _scope = resil::testing::isolated();
    about_to_probe(&PROBED);
    let mut events = resil::registry().subscribe();
    while events.try_next().is_some() {}
    let waker = Arc::new(Panics(AtomicBool::new(true)));
    let mut next = pin!(events.next());
    assert!(next.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&waker)))).is_pending());
    assert!(panics(|| drop(PROBED.admit())));
    waker.0.store(false, SeqCst);
    PROBED.admit().unwrap().record(None);
    assert_eq!(PROBED.snapshot().unwrap().state, CircuitState::Closed);
}

/// Its destructor panics.
struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the destructor panics");
    }
}

/// Its output, or the panic.
async fn catching<T>(call: impl Future<Output = T> + Send + 'static) -> Result<T, tokio::task::JoinError>
where
    T: Send + 'static,
{
    // On this thread, and so in this scope.
    tokio::spawn(call).await
}

#[tokio::test(start_paused = true)]
async fn a_body_whose_destructor_panics_when_it_is_cut_off_has_failed() {
    #[circuit_breaker(name = "fragile", window = 10, min_calls = 10)]
    #[timeout("1s")]
    async fn bounded() -> Result<(), Error> {
        let _fragile = Fragile;
        pending().await
    }
    #[deadline("1s")]
    #[circuit_breaker(name = "fragile", window = 10, min_calls = 10)]
    async fn due() -> Result<(), Error> {
        let _fragile = Fragile;
        pending().await
    }
    #[deadline("1m")]
    #[circuit_breaker(name = "fragile", window = 10, min_calls = 10)]
    #[timeout(read = "1s", allow(range))]
    async fn silent() -> Result<(), Error> {
        let _fragile = Fragile;
        pending().await
    }
    static FRAGILE: CircuitBreaker = CircuitBreaker::named("fragile").window(Window::Calls(10)).min_calls(10);
    let _scope = resil::testing::isolated();
    let outcomes = [catching(bounded()).await, catching(due()).await, catching(silent()).await];
    assert!(
        outcomes.iter().all(|outcome| outcome.as_ref().is_err_and(tokio::task::JoinError::is_panic)),
        "{outcomes:?}"
    );
    assert_eq!(FRAGILE.snapshot().unwrap().failures, 3);
}

#[tokio::test(start_paused = true)]
async fn a_body_whose_destructor_panics_is_not_repeated() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[retry(idempotent, base = "1ms")]
    #[timeout("1s")]
    async fn call() -> Result<(), Error> {
        RUNS.fetch_add(1, SeqCst);
        let _fragile = Fragile;
        pending().await
    }
    let _scope = resil::testing::isolated();
    assert!(catching(call()).await.is_err());
    assert_eq!(RUNS.load(SeqCst), 1);
}

/// Asks for the last good value when it is dropped, from another thread, and says whether there was an answer.
#[derive(Clone)]
struct Asks(mpsc::Sender<bool>);

static KEPT: Fallback = Fallback::stale(Duration::from_secs(60));

impl Drop for Asks {
    fn drop(&mut self) {
        let (answered, answer) = mpsc::channel();
        std::thread::spawn(move || answered.send(KEPT.last_good("7").get::<u32>()));
        _ = self.0.send(answer.recv_timeout(Duration::from_secs(5)).is_ok());
    }
}

#[test]
fn a_kept_value_is_dropped_under_no_lock() {
    let (told, answered) = mpsc::channel();
    let value = Asks(told);
    KEPT.last_good("7").keep(&value);
    KEPT.last_good("7").keep(&value);
    assert!(answered.recv().unwrap(), "when a newer one takes its place");
    for other in 0..1_000 {
        KEPT.last_good(format!("other {other}")).keep(&other);
    }
    assert!(answered.recv().unwrap(), "when it is the oldest of too many");
}
