//! What is in force rules calls, and changing it loses nothing.

use resil::config::Configuration;
use resil::{
    Bulkhead, CircuitState, Error, Event, Keyed, Phase, Semaphore, circuit_breaker, deadline, registry, retry,
    semaphore, timeout,
};
use std::cell::Cell;
use std::io;
use std::time::Duration;
use tokio::time::Instant;

fn path(kind: &str, function: &str, setting: &str) -> String {
    format!("{kind}.by_site.\"{}::{function}\".{setting}", module_path!())
}

fn code(settings: &[(String, &str)]) -> Configuration {
    let new = Configuration::new().environment::<&str, &str>([]);
    settings.iter().fold(new, |all, (path, value)| all.set(path, *value))
}

#[timeout("10s", connect = "2s")]
async fn hangs() -> Result<(), Error> {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn a_timeout_and_its_error_say_what_is_in_force() {
    let _scope = resil::testing::isolated();
    let bound = async || match hangs().await {
        Err(Error::Timeout { phase, limit, .. }) => (phase, limit),
        other => panic!("{other:?}"),
    };
    assert_eq!(bound().await, (Phase::Attempt, Duration::from_secs(10)));
    code(&[(path("timeout", "hangs", "attempt"), "3s")]).apply().unwrap();
    let start = Instant::now();
    assert_eq!(bound().await, (Phase::Attempt, Duration::from_secs(3)));
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    // The attempt watches its phases, so another one can be bounded as well.
    code(&[(path("timeout", "hangs", "read"), "1s")]).apply().unwrap();
    assert_eq!(bound().await, (Phase::Read, Duration::from_secs(1)));
    code(&[]).apply().unwrap();
    assert_eq!(bound().await, (Phase::Attempt, Duration::from_secs(10)));
}

/// An attempt that is under way ends by what is in force when it looks.
#[tokio::test(start_paused = true)]
async fn an_attempt_under_way_goes_on() {
    let _scope = resil::testing::isolated();
    let mut call = Box::pin(hangs());
    assert!(tokio::time::timeout(Duration::from_secs(5), &mut call).await.is_err());
    code(&[(path("timeout", "hangs", "attempt"), "1m")]).apply().unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(50), &mut call).await.is_err());
    assert!(matches!(call.await, Err(Error::Timeout { limit, .. }) if limit == Duration::from_secs(60)));
}

#[deadline("10s")]
async fn whole() -> Result<(), Error> {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn a_deadline_and_its_error_say_what_is_in_force() {
    let _scope = resil::testing::isolated();
    code(&[(path("deadline", "whole", "within"), "2s")]).apply().unwrap();
    let start = Instant::now();
    assert!(matches!(whole().await, Err(Error::DeadlineExceeded { limit, .. }) if limit == Duration::from_secs(2)));
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}

#[retry(idempotent, jitter = "none")]
async fn fails(calls: &Cell<u32>, status: u16) -> Result<(), resil::http::Error> {
    calls.set(calls.get() + 1);
    Err(resil::http::Error::Status { code: status.try_into().unwrap(), retry_after: None })
}

#[tokio::test(start_paused = true)]
async fn a_retry_goes_by_what_is_in_force() {
    let _scope = resil::testing::isolated();
    let calls = async |status| {
        let (calls, start) = (Cell::new(0), Instant::now());
        _ = fails(&calls, status).await;
        (calls.get(), start.elapsed())
    };
    assert_eq!(calls(503).await, (3, Duration::from_millis(300)));
    let settings = [("attempts", "5"), ("base", "1s"), ("factor", "1"), ("retry_status", "[429]")];
    code(&settings.map(|(key, value)| (path("retry", "fails", key), value))).apply().unwrap();
    assert_eq!(calls(503).await, (5, Duration::from_secs(4)));
    assert_eq!(calls(429).await.0, 5);
    code(&[]).apply().unwrap();
    assert_eq!(calls(429).await.0, 1);
}

#[circuit_breaker(name = "kept", window = 10, min_calls = 10)]
async fn guarded(ok: bool) -> io::Result<()> {
    if ok { Ok(()) } else { Err(io::ErrorKind::ConnectionReset.into()) }
}

const KEPT: &str = "circuit_breaker.by_name.kept";

fn breaker(settings: &[(&str, &str)]) -> Vec<resil::config::Change> {
    let settings: Vec<_> = settings.iter().map(|(key, value)| (format!("{KEPT}.{key}"), *value)).collect();
    code(&settings).apply().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_breaker_keeps_its_window_and_its_state() {
    let _scope = resil::testing::isolated();
    let kept = registry().circuit_breaker("kept").unwrap();
    let counted =
        || (kept.snapshot().unwrap().state, kept.snapshot().unwrap().calls, kept.snapshot().unwrap().failures);
    for ok in [true, false, false, true] {
        _ = guarded(ok).await;
    }
    breaker(&[("min_calls", "5"), ("failure_rate", "0.6"), ("slow_call", "2s")]);
    assert_eq!(counted(), (CircuitState::Closed, 4, 2));
    _ = guarded(false).await;
    assert_eq!(counted().0, CircuitState::Open, "3 of 5");
    // Open, it waits for as long as it was to, and from then on by the new settings.
    breaker(&[("min_calls", "5"), ("open_for", "1s"), ("half_open_calls", "1")]);
    tokio::time::advance(Duration::from_secs(29)).await;
    assert!(guarded(true).await.is_err());
    tokio::time::advance(Duration::from_secs(1)).await;
    _ = guarded(false).await;
    assert_eq!(counted().0, CircuitState::Open);
    tokio::time::advance(Duration::from_secs(1)).await;
    guarded(true).await.unwrap();
    assert_eq!(counted().0, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_window_of_another_kind_begins_anew_and_says_so() {
    let _scope = resil::testing::isolated();
    let kept = registry().circuit_breaker("kept").unwrap();
    let mut events = registry().subscribe();
    for _ in 0..8 {
        _ = guarded(false).await;
    }
    let changes = breaker(&[("window", "60s"), ("min_calls", "4")]);
    let window = changes.iter().find(|change| change.setting == "window").unwrap();
    assert!(window.begins_anew && &*window.from == "10" && &*window.to == "60s", "{window}");
    assert_eq!(window.to_string(), "circuit breaker `kept`: window from 10 to 60s, by code; its window begins anew");
    assert_eq!(kept.snapshot().unwrap().calls, 0);
    let told =
        std::iter::from_fn(|| events.try_next()).filter(|event| matches!(event, Event::SettingChanged(_))).count();
    assert_eq!(told, 2);
    for ok in [true, true, false, true] {
        _ = guarded(ok).await;
    }
    assert_eq!((kept.snapshot().unwrap().calls, kept.snapshot().unwrap().failures), (4, 1));
    // And back: of the old window nothing is left.
    breaker(&[("window", "5"), ("min_calls", "4")]);
    for ok in [true, false] {
        _ = guarded(ok).await;
    }
    assert_eq!((kept.snapshot().unwrap().calls, kept.snapshot().unwrap().failures), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn modes() {
    let _scope = resil::testing::isolated();
    let kept = registry().circuit_breaker("kept").unwrap();
    let state = || kept.snapshot().unwrap().state;
    breaker(&[("mode", "observe")]);
    assert_eq!(state(), CircuitState::Observing);
    breaker(&[("mode", "disabled")]);
    assert_eq!(state(), CircuitState::Disabled);
    breaker(&[("mode", "forced_open")]);
    assert!(guarded(true).await.is_err());
    breaker(&[]);
    guarded(true).await.unwrap();
    assert_eq!(state(), CircuitState::HalfOpen, "probes decide");
    kept.force_open().unwrap();
    breaker(&[("open_for", "1s")]);
    assert_eq!(state(), CircuitState::ForcedOpen, "what an operator did by hand stays where the mode does not change");
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_an_operator_forced_open_is_probed_after_an_hour() {
    let _scope = resil::testing::isolated();
    let anna = resil::operator("anna");
    anna.set(&format!("{KEPT}.mode"), "forced_open").unwrap();
    tokio::time::sleep(Duration::from_secs(3599)).await;
    assert!(guarded(true).await.is_err());
    tokio::time::sleep(Duration::from_secs(2)).await;
    guarded(true).await.unwrap();
    let (mode, source) = crate::support::in_force("circuit_breaker", "kept", "mode");
    assert_eq!((mode.as_str(), source), ("normal", resil::config::Source::Default));

    anna.clone().lasting(Duration::from_secs(60)).set(&format!("{KEPT}.open_for"), "7s").unwrap();
    anna.until_released().set(&format!("{KEPT}.mode"), "forced_open").unwrap();
    tokio::time::sleep(Duration::from_secs(7200)).await;
    assert!(guarded(true).await.is_err());
    assert_eq!(crate::support::value("circuit_breaker", "kept", "open_for"), "30s");
}

#[semaphore(name = "places", permits = 3, max_wait = "10s")]
async fn placed(hold: Duration) -> Result<(), Error> {
    tokio::time::sleep(hold).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn permits_in_use_stay_and_waiters_get_what_is_added() {
    let _scope = resil::testing::isolated();
    let places = registry().semaphore("places").unwrap();
    let set = |permits| code(&[("semaphore.by_name.places.permits".to_owned(), permits)]).apply().unwrap();
    let calls: Vec<_> = (0..3).map(|_| tokio::spawn(placed(Duration::from_secs(5)))).collect();
    tokio::task::yield_now().await;
    set("1");
    let now = places.usage().unwrap();
    assert_eq!((now.limit, now.in_use), (1, 3));
    let waiting: Vec<_> = (0..2).map(|_| tokio::spawn(placed(Duration::ZERO))).collect();
    tokio::task::yield_now().await;
    assert_eq!(places.usage().unwrap().waiting, 2);
    set("5");
    for call in waiting {
        call.await.unwrap().unwrap();
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
    places.resize(9).unwrap();
    resil::reload().unwrap();
    assert_eq!(places.usage().unwrap().limit, 9, "an operator's resize");
    assert_eq!(places.usage().unwrap().in_use, 0);
}

#[tokio::test]
async fn the_states_of_all_keys_follow() {
    static KEYED: Keyed<Semaphore> = Semaphore::new(1).name("of keys").keyed(10);
    let _scope = resil::testing::isolated();
    let held = KEYED.acquire("a").await.unwrap();
    code(&[("semaphore.by_name.\"of keys\".permits".to_owned(), "2")]).apply().unwrap();
    let second = KEYED.acquire("a").await.unwrap();
    let of_another_key = (KEYED.acquire("b").await.unwrap(), KEYED.acquire("b").await.unwrap());
    assert!(KEYED.acquire("a").await.is_err() && KEYED.acquire("b").await.is_err());
    drop((held, second, of_another_key));
}

#[tokio::test]
async fn other_threads_take_over_and_no_call_is_lost() {
    static THREADS: Bulkhead = Bulkhead::new(1).name("threads").queue(5).max_wait(Duration::from_secs(60));
    let _scope = resil::testing::isolated();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let blocked = tokio::spawn(THREADS.call(async move {
        begun.send(()).unwrap();
        ended.recv().ok();
        Ok::<_, Error>(1)
    }));
    has_begun.await.unwrap();
    code(&[("bulkhead.by_name.threads.threads".to_owned(), "2")]).apply().unwrap();
    let other = THREADS.call(async { Ok::<_, Error>(2) }).await.unwrap();
    drop(end);
    assert_eq!((blocked.await.unwrap().unwrap(), other), (1, 2));
    assert_eq!(THREADS.usage().unwrap().limit, 2);
}

/// Each test has settings of its own, also where a process has.
#[tokio::test(start_paused = true)]
async fn a_scope_has_settings_of_its_own() {
    let outer = resil::testing::isolated();
    code(&[(path("timeout", "hangs", "attempt"), "3s")]).apply().unwrap();
    {
        let _inner = resil::testing::isolated();
        assert!(matches!(hangs().await, Err(Error::Timeout { limit, .. }) if limit == Duration::from_secs(10)));
        assert_eq!(registry().configuration().revision, 0);
    }
    assert!(matches!(hangs().await, Err(Error::Timeout { limit, .. }) if limit == Duration::from_secs(3)));
    assert_eq!(registry().configuration().revision, 1);
    drop(outer);
}
