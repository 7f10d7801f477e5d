//! Every future here can be dropped at any await: nothing leaks, nothing is counted that did not happen.

use resil::{CircuitBreaker, CircuitState, Error, Window, circuit_breaker, deadline, retry, timeout};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn lost() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// Fails with a lost connection after some polls.
#[deadline("10s")]
#[retry(idempotent, attempts = 3, base = "0ms")]
#[circuit_breaker(name = "dropped", window = 100, min_calls = 100, open_for = "1s", half_open_calls = 1)]
#[timeout("5s", read = "4s", allow(range))]
async fn failing_after(polls: u32, held: &Arc<()>) -> io::Result<()> {
    let _held = Arc::clone(held);
    for _ in 0..polls {
        tokio::task::yield_now().await;
    }
    Err(lost())
}

static DROPPED: CircuitBreaker = CircuitBreaker::named("dropped")
    .window(Window::Calls(100))
    .min_calls(100)
    .open_for(Duration::from_secs(1))
    .half_open_calls(1);

/// Polls at most `polls` times, then drops. True if it was done by then.
fn poll_then_drop(future: impl Future, polls: u32) -> bool {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).any(|_| future.as_mut().poll(&mut context).is_ready())
}

#[tokio::test(start_paused = true)]
async fn a_stack_dropped_at_each_poll_counts_only_the_attempts_that_ended() {
    let _scope = resil::testing::isolated();
    let held = Arc::new(());
    let mut polls = 0;
    loop {
        DROPPED.reset().unwrap();
        let done = poll_then_drop(failing_after(3, &held), polls);
        assert_eq!(Arc::strong_count(&held), 1, "the body was dropped");
        // An attempt ends with its fourth poll, which is the next one's first.
        let ended = u64::from(polls.saturating_sub(1) / 3).min(3);
        assert_eq!(DROPPED.snapshot().unwrap().calls, ended, "after {polls} polls");
        if done {
            assert_eq!(ended, 3);
            break;
        }
        polls += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_dropped_at_each_poll_gives_its_place_back() {
    let _scope = resil::testing::isolated();
    let held = Arc::new(());
    for polls in 1..4 {
        DROPPED.force_open_for(Duration::from_secs(1)).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!poll_then_drop(failing_after(3, &held), polls));
        let snapshot = DROPPED.snapshot().unwrap();
        assert_eq!((snapshot.state, snapshot.calls), (CircuitState::HalfOpen, 0));
        // The only place is free again.
        DROPPED.admit().unwrap().record(None);
        assert_eq!(DROPPED.snapshot().unwrap().state, CircuitState::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_it_waits_makes_no_further_attempt() {
    #[retry(idempotent, base = "1s")]
    async fn call(runs: &Arc<()>) -> io::Result<()> {
        std::mem::forget(Arc::clone(runs));
        Err(lost())
    }
    let _scope = resil::testing::isolated();
    let runs = Arc::new(());
    assert!(tokio::time::timeout(Duration::ZERO, call(&runs)).await.is_err());
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(Arc::strong_count(&runs), 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_cut_by_a_bound_is_dropped_at_once() {
    #[timeout("1s")]
    async fn call(held: Arc<()>) -> Result<(), Error> {
        std::future::pending::<()>().await;
        drop(held);
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let held = Arc::new(());
    assert!(call(Arc::clone(&held)).await.is_err());
    assert_eq!(Arc::strong_count(&held), 1);
}

#[tokio::test(start_paused = true)]
async fn a_mark_restarts_the_read_clock_and_a_poll_does_not() {
    #[timeout("1h", read = "1s", allow(range))]
    async fn call(marks: u32) -> Result<(), Error> {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        for tick in 0.. {
            ticks.tick().await;
            if tick < marks {
                resil::net::progress();
            }
        }
        Ok(())
    }
    let _scope = resil::testing::isolated();
    for (marks, millis) in [(0, 1000), (1, 1000), (5, 1400), (30, 3900)] {
        let begun = tokio::time::Instant::now();
        let error = call(marks).await.unwrap_err();
        assert!(matches!(error, Error::Timeout { phase: resil::Phase::Read, .. }), "{error}");
        assert_eq!(begun.elapsed().as_millis(), millis, "{marks} marks");
    }
}

#[tokio::test(start_paused = true)]
async fn progress_of_a_nested_call_is_progress_of_its_caller() {
    #[timeout("1h", read = "10s")]
    async fn inner() -> Result<(), Error> {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(800)).await;
            resil::net::progress();
        }
        Ok(())
    }
    #[timeout("1h", read = "1s", allow(range))]
    async fn outer() -> Result<(), Error> {
        inner().await
    }
    let _scope = resil::testing::isolated();
    assert!(outer().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_read_clock_pauses_while_a_connection_is_made() {
    #[timeout("1h", connect = "30s", read = "1s", allow(range))]
    async fn call() -> io::Result<()> {
        resil::net::connect(async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            io::Result::Ok(())
        })
        .await?;
        tokio::time::sleep(Duration::from_millis(900)).await;
        std::future::pending().await
    }
    let _scope = resil::testing::isolated();
    let begun = tokio::time::Instant::now();
    assert!(call().await.is_err());
    assert_eq!(begun.elapsed(), Duration::from_secs(21));
}

#[tokio::test(start_paused = true)]
async fn a_busy_body_that_uses_up_its_tokio_budget_is_cut_all_the_same() {
    #[timeout("1s")]
    async fn call() -> Result<(), Error> {
        loop {
            tokio::task::consume_budget().await;
            tokio::time::advance(Duration::from_millis(1)).await;
        }
    }
    let _scope = resil::testing::isolated();
    assert!(call().await.is_err());
}

#[test]
fn futures_are_small() {
    async fn body(polls: u32) -> io::Result<()> {
        for _ in 0..polls {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
    #[circuit_breaker(name = "size", window = 10)]
    async fn broken(polls: u32) -> io::Result<()> {
        body(polls).await
    }
    #[retry(idempotent)]
    async fn retried(polls: u32) -> io::Result<()> {
        body(polls).await
    }
    #[timeout("1s")]
    async fn bounded(polls: u32) -> io::Result<()> {
        body(polls).await
    }
    #[deadline("9s")]
    #[retry(idempotent)]
    #[circuit_breaker(name = "size", window = 10)]
    #[timeout("1s", connect = "1s", read = "1s", allow(range))]
    async fn whole(polls: u32) -> io::Result<()> {
        body(polls).await
    }
    let bare = size_of_val(&body(1));
    let sizes = [size_of_val(&broken(1)), size_of_val(&retried(1)), size_of_val(&bounded(1)), size_of_val(&whole(1))];
    println!("bare {bare}, {sizes:?}");
    for (size, most) in sizes.into_iter().zip([160, 200, 128, 320]) {
        assert!(size <= bare + most, "{sizes:?} over {bare}");
    }
}

#[test]
fn a_poll_after_the_end_is_nobodys_business() {
    // An `Attempt` is only ever awaited; this keeps `Poll` honest for those who drive it by hand.
    let mut attempt = pin!(resil::Attempt::new(async { Ok::<_, Error>(1) }));
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(attempt.as_mut().poll(&mut context), Poll::Ready(Ok(1))));
}

/// What the compiler looks at on the way is not kept.
#[test]
fn a_look_at_what_is_awaited_takes_no_room() {
    use resil::__private::{Awaiting as _, Unmarked as _};
    let call = || std::future::ready([0_u8; 512]);
    let plain = async { call().await[0] };
    let looked_at = async { call().resil_awaited(|call| call.resil_under_retry()).await[0] };
    assert_eq!(size_of_val(&looked_at), size_of_val(&plain));
}
