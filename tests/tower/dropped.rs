//! Whatever is dropped whenever, nothing is left of it.

use super::service::{call, of};
use http::{Request, Response};
use resil::policy::rate_limit::Rate;
use resil::tower::Priority;
use resil::{CircuitBreaker, CircuitState, RateLimit, Semaphore, Timeout, Window};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;
use tower_layer::Layer as _;
use tower_service::Service;

static BREAKER: CircuitBreaker =
    CircuitBreaker::named("dropped").window(Window::Calls(10)).open_for(Duration::from_secs(1)).half_open_calls(1);
static WAITS: Semaphore = Semaphore::new(2).name("dropped, waits").max_wait(Duration::from_secs(60));
static SHEDS: Semaphore = Semaphore::new(2).name("dropped, sheds");
static RATE: RateLimit = RateLimit::new(Rate::per_second(1000)).name("dropped").max_wait(Duration::from_secs(60));
static BOUND: Timeout = Timeout::attempt(Duration::from_secs(60));

/// Everything around a service that needs so many polls, and holds something while it runs.
fn stack(
    polls: u32,
    held: &Arc<()>,
) -> impl Service<Request<()>, Response = Response<()>, Error = resil::http::Error, Future: Send> + Clone + Send + 'static
{
    let held = Arc::clone(held);
    let service = of(move |_: Request<()>| {
        let held = Arc::clone(&held);
        async move {
            for _ in 0..polls {
                tokio::task::yield_now().await;
            }
            drop(held);
            Ok::<_, resil::http::Error>(Response::new(()))
        }
    });
    let sheds = SHEDS.layer().priority(|_| Priority::Low);
    BREAKER.layer().layer(WAITS.layer().layer(sheds.layer(RATE.layer().layer(BOUND.layer().layer(service)))))
}

/// Polls at most so often, then drops. True if it was done by then.
fn poll_then_drop(future: impl Future, polls: u32) -> bool {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    (0..polls).any(|_| future.as_mut().poll(&mut cx).is_ready())
}

fn nothing_is_taken(held: &Arc<()>) {
    assert_eq!(Arc::strong_count(held), 2, "but for the service's own");
    for semaphore in [&WAITS, &SHEDS] {
        let usage = semaphore.usage().unwrap();
        assert_eq!((usage.in_use, usage.waiting), (0, 0), "{}", semaphore.label());
    }
    assert_eq!(RATE.usage().unwrap().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_at_each_poll_leaves_nothing() {
    let _scope = resil::testing::isolated();
    let held = Arc::new(());
    for polls in 0.. {
        let mut service = stack(5, &held);
        let done = poll_then_drop(call(&mut service, Request::new(())), polls);
        nothing_is_taken(&held);
        assert_eq!(BREAKER.snapshot().unwrap().calls, u64::from(done), "only what ended counts");
        if done {
            assert_eq!(polls, 6, "each poll before it was tried");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_dropped_at_each_poll_gives_its_place_back() {
    let _scope = resil::testing::isolated();
    let held = Arc::new(());
    for polls in 0..5 {
        BREAKER.force_open_for(Duration::from_secs(1)).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let mut service = stack(5, &held);
        assert!(!poll_then_drop(call(&mut service, Request::new(())), polls));
        nothing_is_taken(&held);
        call(&mut stack(0, &held), Request::new(())).await.expect("the only place is free again");
        assert_eq!(BREAKER.snapshot().unwrap().state, CircuitState::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn one_who_waits_and_is_dropped_leaves_the_line() {
    let _scope = resil::testing::isolated();
    let held = Arc::new(());
    for polls in 1..4 {
        let both = [WAITS.acquire().await.unwrap(), WAITS.acquire().await.unwrap()];
        let mut service = stack(1, &held);
        let mut waits = Box::pin(call(&mut service, Request::new(())));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..polls {
            assert!(waits.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(WAITS.usage().unwrap().waiting, 1);
        // A permit is on its way to it.
        drop(both);
        drop(waits);
        drop(service);
        assert_eq!(Arc::strong_count(&held), 1);
        assert_eq!(WAITS.usage().unwrap().in_use, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn being_ready_and_never_called_takes_nothing() {
    let _scope = resil::testing::isolated();
    let held = Arc::new(());
    let mut cx = Context::from_waker(Waker::noop());
    let mut service = stack(1, &held);
    let mut clones: Vec<_> = (0..100).map(|_| service.clone()).collect();
    assert!(clones.iter_mut().all(|clone| clone.poll_ready(&mut cx).is_ready()));
    assert_eq!(WAITS.usage().unwrap().in_use, 0);
    // Nor does a call that nobody polls.
    assert!(service.poll_ready(&mut cx).is_ready());
    let calls: Vec<_> = clones.iter_mut().map(|clone| clone.call(Request::new(()))).collect();
    assert_eq!(WAITS.usage().unwrap().in_use, 0);
    drop(calls);
    call(&mut service, Request::new(())).await.unwrap();
}
