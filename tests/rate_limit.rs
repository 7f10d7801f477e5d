//! At most so many calls begin in a span: shared by name, in order, and free for whoever is dropped.

use resil::policy::rate_limit::{Rate, Settings};
use resil::{Classify, Effect, Error, Kind, RateLimit, deadline, fallback, rate_limit, retry, semaphore, timeout};
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::time::Instant;

type Answer = Result<u32, Error>;

fn after(error: &Error) -> Duration {
    let Error::RateLimited { retry_after: Some(wait), .. } = error else { panic!("{error}") };
    *wait
}

#[tokio::test(start_paused = true)]
async fn what_is_beyond_the_rate_is_refused_at_once() {
    #[rate_limit("2/s", name = "two")]
    async fn call() -> Answer {
        Ok(1)
    }
    let _scope = resil::testing::isolated();
    assert!(call().await.is_ok() && call().await.is_ok());
    let error = call().await.unwrap_err();
    assert!(matches!(error, Error::RateLimited { name: "two", .. }), "{error}");
    assert_eq!(after(&error), Duration::from_millis(500));
    assert_eq!(error.to_string(), "rate limit `two` is used up: not called, the next call may begin in 500.0ms");
    let verdict = error.verdict();
    assert_eq!((verdict.kind, verdict.effect), (Kind::Refused, Effect::None));
    assert_eq!(verdict.retry_after, Some(Duration::from_millis(500)));
    tokio::time::advance(Duration::from_millis(500)).await;
    assert!(call().await.is_ok());
    assert!(call().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn two_functions_share_the_rate_of_one_name_and_the_settings_of_a_constant() {
    const BANK: Settings = Settings { burst: Some(1), ..Settings::new(Rate::per_minute(60)) };
    #[rate_limit(name = "bank", settings = BANK)]
    async fn one() -> Answer {
        Ok(1)
    }
    #[rate_limit("60/m", burst = 1, name = "bank")]
    async fn two() -> Answer {
        Ok(2)
    }
    let _scope = resil::testing::isolated();
    assert!(one().await.is_ok());
    assert!(matches!(two().await, Err(Error::RateLimited { name: "bank", .. })));
}

#[tokio::test(start_paused = true)]
async fn waiters_begin_in_the_order_they_came_and_at_the_rate() {
    #[rate_limit("10/s", burst = 1, max_wait = "1s")]
    async fn call(began: &AtomicU32, since: Instant) -> Result<(u32, Duration), Error> {
        Ok((began.fetch_add(1, Relaxed), since.elapsed()))
    }
    let _scope = resil::testing::isolated();
    let (began, since) = (AtomicU32::new(0), Instant::now());
    let calls = (0..5).map(|_| call(&began, since));
    let all = futures_util::future::join_all(calls).await;
    for (turn, one) in (0..).zip(all) {
        let (order, at) = one.unwrap();
        assert_eq!(order, turn);
        assert!((0..2).contains(&(at.as_millis() - u128::from(turn) * 100)), "{turn}: {at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_be_too_long_is_refused_at_once() {
    #[rate_limit("1/s", max_wait = "1s")]
    async fn call() -> Answer {
        Ok(1)
    }
    #[deadline("500ms")]
    async fn in_a_hurry() -> Answer {
        call().await
    }
    let _scope = resil::testing::isolated();
    let since = Instant::now();
    assert!(call().await.is_ok());
    let hurried = in_a_hurry().await.unwrap_err();
    assert_eq!(after(&hurried), Duration::from_secs(1), "the wait, which the deadline does not leave");
    assert_eq!(since.elapsed(), Duration::ZERO);
    let (second, third) = tokio::join!(call(), call());
    assert!(second.is_ok());
    assert_eq!(after(&third.unwrap_err()), Duration::from_secs(2), "behind the other");
    assert_eq!(since.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_waiter_costs_nothing_and_lets_the_next_move_up() {
    static LIMIT: RateLimit = RateLimit::new(Rate::per_second(1)).max_wait(Duration::from_secs(10));
    let _scope = resil::testing::isolated();
    LIMIT.acquire().await.unwrap();
    let since = Instant::now();
    let mut waits: Vec<_> = (0..3).map(|_| Box::pin(LIMIT.acquire())).collect();
    for wait in &mut waits {
        assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(LIMIT.usage().unwrap().waiting, 3);
    drop(waits.remove(0));
    drop(waits.remove(0));
    waits.remove(0).await.unwrap();
    assert_eq!(since.elapsed().as_secs(), 1, "not the third second");
    let usage = LIMIT.usage().unwrap();
    assert_eq!((usage.waiting, usage.tokens, usage.burst), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn nobody_overtakes_who_waits() {
    static LIMIT: RateLimit = RateLimit::new(Rate::per_second(10)).max_wait(Duration::from_secs(10));
    let _scope = resil::testing::isolated();
    LIMIT.acquire().cost(10).await.unwrap();
    let mut dear = Box::pin(LIMIT.acquire().cost(10));
    assert!(dear.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    tokio::time::advance(Duration::from_millis(500)).await;
    let mut cheap = Box::pin(LIMIT.acquire());
    assert!(
        cheap.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(),
        "there are tokens, but not for it"
    );
    let since = Instant::now();
    let dear = async {
        dear.await.unwrap();
        since.elapsed()
    };
    let cheap = async {
        cheap.await.unwrap();
        since.elapsed()
    };
    let (dear, cheap) = tokio::join!(dear, cheap);
    assert_eq!((dear.as_millis() / 10, cheap.as_millis() / 10), (50, 60));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_costs_more_than_the_burst_begins_at_a_full_bucket_and_is_owed() {
    #[rate_limit("10/s", name = "by weight", cost = items)]
    async fn send(items: u32) -> Answer {
        Ok(items)
    }
    let _scope = resil::testing::isolated();
    assert_eq!(send(25).await.unwrap(), 25);
    let limit = resil::registry().rate_limit("by weight").unwrap();
    assert_eq!(limit.usage().unwrap().tokens, -15);
    assert_eq!(after(&send(1).await.unwrap_err()), Duration::from_millis(1600));
    assert_eq!(after(&send(25).await.unwrap_err()), Duration::from_millis(2500), "full again");
    tokio::time::advance(Duration::from_millis(1600)).await;
    assert!(send(1).await.is_ok());
    let free = send(0).await.unwrap_err();
    assert!(matches!(free, Error::Misconfigured(_)));
    assert!(free.to_string().ends_with("write `cost = 1` or more"), "{free}");
}

#[tokio::test(start_paused = true)]
async fn every_attempt_takes_a_token() {
    #[retry(idempotent, attempts = 5, base = "0s", jitter = "none")]
    #[rate_limit("3/s")]
    #[timeout("5s")]
    async fn call(runs: &AtomicU32) -> std::io::Result<()> {
        runs.fetch_add(1, Relaxed);
        Err(std::io::ErrorKind::ConnectionReset.into())
    }
    let _scope = resil::testing::isolated();
    let runs = AtomicU32::new(0);
    let error = call(&runs).await.unwrap_err();
    let ours = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    assert!(matches!(ours, Some(Error::RateLimited { .. })), "a refusal is not repeated: {error}");
    assert_eq!(runs.load(Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_gives_the_permit_back_and_a_fallback_answers_it() {
    #[fallback(value = 7)]
    #[semaphore(name = "above", permits = 1)]
    #[rate_limit("1/s")]
    async fn call() -> Answer {
        Ok(1)
    }
    let _scope = resil::testing::isolated();
    let answers = [call().await.unwrap(), call().await.unwrap()];
    assert_eq!(answers, [1, 7]);
    assert_eq!(resil::registry().semaphore("above").unwrap().usage().unwrap().in_use, 0);
}

#[tokio::test(start_paused = true)]
async fn constants_out_of_range_are_misconfigured() {
    for (settings, line) in [
        (Settings::new(Rate::per_second(0)), "write `\"100/s\"`"),
        (Settings::new(Rate::new(1, Duration::ZERO)), "write `\"100/s\"`"),
        (Settings::new(Rate::per_second(1_000_000_001)), "write `\"1000000000/s\"` or less"),
        (Settings { burst: Some(0), ..Settings::new(Rate::per_second(1)) }, "write 1 or more"),
    ] {
        let error = RateLimit::of(settings).acquire().await.unwrap_err();
        assert!(matches!(error, Error::Misconfigured(_)), "{error}");
        assert!(error.to_string().ends_with(line), "{error}");
    }
    assert!(RateLimit::new(Rate::per_second(1_000_000_000)).acquire().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_registry_finds_it_by_name_and_reports_it() {
    #[rate_limit("100/s", name = "reported", burst = 5)]
    async fn call() -> Answer {
        Ok(1)
    }
    let _scope = resil::testing::isolated();
    let mut events = resil::registry().subscribe();
    let limit = resil::registry().rate_limit("reported").unwrap();
    for _ in 0..5 {
        call().await.unwrap();
    }
    assert_eq!(limit.usage().unwrap().tokens, 0);
    assert!(call().await.is_err());
    let told = events.try_next().expect("a refusal");
    assert_eq!(told.to_string(), "rate limit `reported`: refused a call, next chance in 10ms");
    limit.pause(Duration::from_secs(90)).unwrap();
    let told = events.try_next().expect("a pause");
    assert_eq!(told.to_string(), "rate limit `reported`: the partner asks for a pause of 60s", "`follow_max`");
    let report = resil::registry().to_string();
    let row = report.lines().find(|line| line.starts_with("reported")).expect("its row");
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["reported", "0", "5", "0", "60.0s"], "{report}");
}
