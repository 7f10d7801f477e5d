//! What a subscriber of the registry is told.

use resil::policy::circuit_breaker::Cause;
use resil::policy::retry::Why;
use resil::{
    Bulkhead, CircuitBreaker, CircuitState, Error, Event, Events, Phase, circuit_breaker, deadline, fallback, registry,
    retry, semaphore, timeout,
};
use std::future::pending;
use std::io;
use std::time::Duration;

fn lost() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "card 4111 1111 1111 1111")
}

/// All that has happened by now.
fn told(events: &mut Events) -> Vec<Event> {
    std::iter::from_fn(|| events.try_next()).collect()
}

#[circuit_breaker(name = "story", window = 1, min_calls = 1, open_for = "1s", half_open_calls = 1)]
async fn story(ok: bool) -> io::Result<()> {
    if ok { Ok(()) } else { Err(lost()) }
}

#[tokio::test(start_paused = true)]
async fn a_whole_story_is_told_in_order() {
    use CircuitState::{Closed, HalfOpen, Open};
    let _scope = resil::testing::isolated();
    let mut events = registry().subscribe();
    assert!(events.try_next().is_none());

    _ = story(false).await;
    let why = Why::NoRetry;
    _ = story(true).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    _ = story(true).await;

    let breaker = "story";
    let site =
        registry().call_sites().into_iter().map(resil::CallSite::site).find(|site| site.function.ends_with("::story"));
    let Some(site) = site else { panic!("it is annotated") };
    let expected = [
        Event::StateChanged { breaker, from: Closed, to: Open, cause: Cause::FailureRate, by: None },
        Event::GaveUp { site, attempt: 1, why, verdict: resil::Verdict::transient() },
        Event::CircuitRefused { breaker, retry_after: Some(Duration::from_secs(1)) },
        Event::StateChanged { breaker, from: Open, to: HalfOpen, cause: Cause::WaitOver, by: None },
        Event::StateChanged { breaker, from: HalfOpen, to: Closed, cause: Cause::ProbesPassed, by: None },
    ];
    for event in expected {
        assert_eq!(events.next().await, event);
    }
    assert!(events.try_next().is_none());
}

#[tokio::test(start_paused = true)]
async fn every_policy_tells_what_it_did() {
    static OBSERVED: CircuitBreaker = CircuitBreaker::named("observed").window(resil::Window::Calls(1)).min_calls(1);
    #[retry(idempotent, attempts = 2, jitter = "none")]
    async fn retried() -> io::Result<()> {
        Err(lost())
    }
    #[timeout("1s")]
    async fn bounded() -> io::Result<()> {
        pending().await
    }
    #[deadline("2s")]
    async fn limited() -> io::Result<()> {
        pending().await
    }
    #[fallback(value = 7)]
    async fn answered() -> io::Result<u32> {
        Err(lost())
    }
    #[semaphore(name = "one", permits = 1)]
    async fn alone() -> io::Result<()> {
        pending().await
    }
    let _scope = resil::testing::isolated();
    let mut events = registry().subscribe();

    _ = retried().await;
    let all = told(&mut events);
    assert!(matches!(&all[0], Event::Retrying { attempt: 1, delay, .. } if delay.as_millis() == 100), "{all:?}");
    assert!(
        matches!(&all[1], Event::GaveUp { attempt: 2, why: Why::NoAttemptsLeft, site, .. } if site.line > 0),
        "{all:?}"
    );
    assert_eq!(all.len(), 2);
    assert!(all[0].to_string().ends_with("attempt 1 failed (transient, outcome unknown), next in 100ms"), "{}", all[0]);

    _ = bounded().await;
    let all = told(&mut events);
    assert!(matches!(all[..], [Event::TimedOut { phase: Phase::Attempt, .. }]), "{all:?}");

    _ = limited().await;
    let all = told(&mut events);
    assert!(matches!(all[..], [Event::DeadlinePassed { attempted: true, .. }]), "{all:?}");

    _ = answered().await;
    let all = told(&mut events);
    assert!(matches!(all[..], [Event::FellBack { .. }]), "{all:?}");
    assert!(!format!("{all:?}{}", all[0]).contains("4111"), "{all:?}");

    let holder = tokio::spawn(alone());
    tokio::task::yield_now().await;
    _ = alone().await;
    holder.abort();
    let all = told(&mut events);
    assert!(matches!(all[..], [Event::SemaphoreRefused { semaphore: "one", limit: 1, .. }]), "{all:?}");

    assert!(OBSERVED.observe().is_ok());
    _ = OBSERVED.call(async { Err::<(), _>(lost()) }).await;
    let all = told(&mut events);
    assert!(matches!(all[0], Event::StateChanged { to: CircuitState::Observing, cause: Cause::Manual, .. }), "{all:?}");
    assert!(matches!(all[1..], [Event::WouldHaveOpened { breaker: "observed", .. }]), "{all:?}");
    assert_eq!(all[1].to_string(), "circuit breaker `observed`: would have opened, FailureRate");
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_learns_how_much_it_missed() {
    static FORCED_OPEN: CircuitBreaker = CircuitBreaker::named("forced open");
    let _scope = resil::testing::isolated();
    let mut slow = registry().subscribe();
    assert!(FORCED_OPEN.force_open().is_ok());
    for _ in 0..1_500 {
        assert!(FORCED_OPEN.admit().is_err());
    }
    // 1501 events, of which 1024 are kept.
    assert_eq!(slow.next().await, Event::Missed(477));
    assert_eq!(told(&mut slow).len(), 1_024);
    assert!(FORCED_OPEN.reset().is_ok());
    assert_eq!(told(&mut slow).len(), 1, "it is up to date again");
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_hears_only_what_happens_after_it_came_and_in_its_own_registry() {
    let _scope = resil::testing::isolated();
    _ = story(false).await;
    let mut events = registry().subscribe();
    {
        let _inner = resil::testing::isolated();
        let mut inner = registry().subscribe();
        _ = story(false).await;
        assert!(matches!(told(&mut inner)[..], [Event::StateChanged { .. }, Event::GaveUp { .. }]));
    }
    let other = std::thread::spawn(|| {
        let _scope = resil::testing::isolated();
        CircuitBreaker::named("story").force_open().is_ok()
    });
    assert!(other.join().is_ok());
    assert_eq!(told(&mut events), []);
    _ = story(true).await;
    assert!(matches!(told(&mut events)[..], [Event::CircuitRefused { .. }]));

    let mut second = registry().subscribe();
    drop(events);
    _ = story(true).await;
    assert_eq!(told(&mut second).len(), 1, "one that goes takes nothing from another");
}

#[tokio::test]
async fn a_dropped_wait_loses_nothing() {
    let _scope = resil::testing::isolated();
    let mut events = registry().subscribe();
    assert!(tokio::time::timeout(Duration::from_millis(1), events.next()).await.is_err());
    _ = story(false).await;
    assert!(matches!(events.next().await, Event::StateChanged { .. }));
}

#[tokio::test]
async fn a_bulkhead_tells_its_refusals_and_panics_where_the_caller_is() {
    static SMALL: Bulkhead = Bulkhead::new(1).name("small");
    let _scope = resil::testing::isolated();
    let mut events = registry().subscribe();

    let holder = tokio::spawn(SMALL.call(pending::<Result<(), Error>>()));
    while SMALL.usage().is_ok_and(|usage| usage.in_use == 0) {
        tokio::task::yield_now().await;
    }
    _ = SMALL.call(async { Ok::<_, Error>(()) }).await;
    let all = told(&mut events);
    assert!(matches!(all[..], [Event::BulkheadRefused { bulkhead: "small", limit: 1, .. }]), "{all:?}");
    holder.abort();
    while SMALL.usage().is_ok_and(|usage| usage.in_use > 0) {
        tokio::task::yield_now().await;
    }
    _ = SMALL.call(async { if true { panic!("card 4111") } else { Ok::<(), Error>(()) } }).await;
    let all = told(&mut events);
    assert_eq!(all, [Event::Panicked { bulkhead: "small" }]);
    assert_eq!(all[0].to_string(), "bulkhead `small`: a call panicked");
}
