//! A state for each key, bounded in number.

use resil::{
    CircuitBreaker, CircuitState, Error, Event, Keyed, Semaphore, Window, circuit_breaker, deadline, registry, retry,
    semaphore, timeout,
};
use std::io;
use std::time::Duration;

/// Opens at the first failure.
#[circuit_breaker(name = "shops", key = shop, window = 1, min_calls = 1)]
async fn order(shop: &str, ok: bool) -> io::Result<()> {
    if ok { Ok(()) } else { Err(io::ErrorKind::ConnectionReset.into()) }
}

#[semaphore(key = (tenant, region), max_keys = 2, permits = 1)]
async fn upload<F: Future<Output = ()>>(tenant: u64, region: &'static str, work: F) -> Result<(), Error> {
    work.await;
    Ok(())
}

struct Client {
    tenant: String,
}

impl Client {
    #[deadline("5s")]
    #[retry(idempotent, attempts = 2, base = "0ms")]
    #[circuit_breaker(name = "tenants", key = self.tenant, window = 2, min_calls = 2)]
    #[semaphore(key = &self.tenant, permits = 3)]
    #[timeout("1s")]
    async fn status(&self, ok: bool) -> io::Result<usize> {
        if ok { Ok(self.tenant.len()) } else { Err(io::ErrorKind::TimedOut.into()) }
    }
}

#[tokio::test]
async fn the_trouble_of_one_key_is_not_anothers() {
    let _scope = resil::testing::isolated();
    assert!(order("bakery", false).await.is_err());
    assert!(order("florist", true).await.is_ok());
    assert!(order("bakery", true).await.is_err(), "open");

    let shops = registry().keyed_circuit_breaker("shops").unwrap();
    assert_eq!(shops.of("bakery").unwrap().snapshot().unwrap().state, CircuitState::Open);
    assert_eq!(shops.of("florist").unwrap().snapshot().unwrap().calls, 1);
    let usage = shops.usage().unwrap();
    assert_eq!((usage.max_keys, usage.keys, usage.busy), (10_000, 2, 1));
    assert!(registry().circuit_breaker("shops").is_none(), "another kind");

    shops.of("bakery").unwrap().reset().unwrap();
    assert!(order("bakery", true).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_whole_stack_goes_by_its_keys() {
    let _scope = resil::testing::isolated();
    let [ours, theirs] = ["ours", "their own"].map(|tenant| Client { tenant: tenant.to_owned() });
    assert!(ours.status(false).await.is_err());
    assert!(matches!(ours.status(true).await, Err(error) if error.to_string().contains("open")));
    assert_eq!(theirs.status(true).await.unwrap(), 9);
    let report = registry().to_string();
    let row: Vec<_> = report.lines().find(|line| line.starts_with("tenants")).unwrap().split_whitespace().collect();
    assert_eq!(row, ["tenants", "2", "10000", "1"]);
    assert!(!report.contains("their own"), "a key is nobody's business: {report}");
}

#[tokio::test]
async fn permits_are_counted_for_each_key() {
    let _scope = resil::testing::isolated();
    let mut held = Box::pin(upload(1, "eu", std::future::pending()));
    assert!(held.as_mut().poll(&mut noop()).is_pending());
    assert!(matches!(upload(1, "eu", std::future::ready(())).await, Err(Error::SemaphoreFull { limit: 1, .. })));
    upload(1, "us", std::future::ready(())).await.unwrap();
    drop(held);
    upload(1, "eu", std::future::ready(())).await.unwrap();
}

fn noop() -> std::task::Context<'static> {
    std::task::Context::from_waker(std::task::Waker::noop())
}

#[test]
fn a_million_distinct_keys_stay_within_the_bound_and_open_circuits_stay_open() {
    static MANY: Keyed<CircuitBreaker> =
        CircuitBreaker::named("many").window(Window::Calls(1)).min_calls(1).keyed(1_000);
    let failure = || Some(resil::Classify::verdict(&io::Error::from(io::ErrorKind::ConnectionReset)));
    for key in 0..100 {
        MANY.admit(&key).unwrap().record(failure());
    }
    for key in 100..1_000_000 {
        MANY.admit(&key).unwrap().record(None);
    }
    let usage = MANY.usage().unwrap();
    assert_eq!((usage.keys, usage.busy), (1_000, 100));
    assert!((0..100).all(|key| MANY.admit(&key).is_err()), "no open circuit was forgotten");
}

#[test]
fn keys_that_find_no_place_share_one_state_and_that_is_told_once() {
    static FEW: Keyed<CircuitBreaker> = CircuitBreaker::named("few").keyed(2);
    let _scope = resil::testing::isolated();
    let mut events = registry().subscribe();
    for key in ["a", "b", "c"] {
        FEW.of(key).unwrap().force_open().unwrap();
    }
    assert!(FEW.admit("d").is_err(), "shares with c");
    assert!(FEW.admit("e").is_err());
    let full = std::iter::from_fn(|| events.try_next()).filter(|event| matches!(event, Event::KeysFull { .. }));
    let full: Vec<_> = full.map(|event| event.to_string()).collect();
    assert_eq!(full, ["circuit breaker `few`: no place for another key, 2 are in use"]);

    FEW.of("a").unwrap().reset().unwrap();
    assert!(FEW.admit("d").is_ok(), "has the place of a");
}

#[test]
fn a_key_in_use_is_not_forgotten() {
    static ONE: Keyed<Semaphore> = Semaphore::new(1).name("one").keyed(1);
    let _scope = resil::testing::isolated();
    let handle = ONE.of("a").unwrap();
    handle.resize(5).unwrap();
    _ = ONE.of("b").unwrap();
    assert_eq!(ONE.of("a").unwrap().usage().unwrap().limit, 5, "an operator's word stands");
    handle.resize(1).unwrap();
    _ = ONE.of("b").unwrap().resize(3);
    assert_eq!(handle.usage().unwrap().limit, 1, "as long as the handle lives, it is a's");
    drop(handle);
    assert_eq!(ONE.of("b").unwrap().usage().unwrap().limit, 1, "the place of a, as good as new");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_permit_of_a_key_gets_that_keys() {
    static LINE: Keyed<Semaphore> = Semaphore::new(1).name("line").max_wait(Duration::from_secs(1)).keyed(1);
    let _scope = resil::testing::isolated();
    let permit = LINE.acquire("a").await.unwrap();
    let mut waiting = Box::pin(LINE.acquire("a"));
    assert!(waiting.as_mut().poll(&mut noop()).is_pending());
    drop(permit);
    let elsewhere = LINE.acquire("b").await.unwrap();
    assert_eq!(LINE.of("a").unwrap().usage().unwrap().in_use, 1, "b got the state of those without a place");
    drop(waiting.await.unwrap());
    drop(elsewhere);
}

mod contradicting {
    use resil::{Error, circuit_breaker};

    #[circuit_breaker(name = "keyed here")]
    pub async fn not_keyed() -> Result<(), Error> {
        Ok(())
    }

    #[circuit_breaker(name = "keyed here", key = key, max_keys = 7)]
    pub async fn keyed(key: u8) -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::test]
async fn one_name_is_keyed_everywhere_or_nowhere() {
    let _scope = resil::testing::isolated();
    let problem = resil::check().unwrap_err().to_string();
    assert!(problem.contains("circuit breaker `keyed here` has two settings"), "{problem}");
    assert!(problem.contains("max_keys = none or 7"), "{problem}");
    assert!(matches!(contradicting::keyed(1).await, Err(Error::Misconfigured(_))));
    assert!(matches!(contradicting::not_keyed().await, Err(Error::Misconfigured(_))));
}

#[test]
fn no_keys_at_all_is_refused() {
    static NONE: Keyed<Semaphore> = Semaphore::new(1).keyed(0);
    let problem = NONE.of("a").unwrap_err().to_string();
    assert!(problem.contains("`max_keys = 0` leaves no key a state: write 1 or more"), "{problem}");
}

#[tokio::test]
async fn the_state_that_keys_without_a_place_share_is_shown() {
    let _scope = resil::testing::isolated();
    let shops = resil::CircuitBreaker::named("two shops").keyed(1);
    let bakery = shops.of("bakery").unwrap();
    let report = || {
        let report = registry().to_string();
        let line = report.lines().find(|line| line.starts_with("two shops")).unwrap_or_default().to_owned();
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(!shops.usage().unwrap().rest_busy);
    assert_eq!(report(), ["two shops", "1", "1", "0"]);
    // There is no place for it.
    bakery.force_open().unwrap();
    shops.of("florist").unwrap().force_open().unwrap();
    assert!(shops.admit("butcher").is_err(), "the same state");
    let usage = shops.usage().unwrap();
    assert_eq!((usage.keys, usage.busy, usage.rest_busy), (1, 1, true));
    assert_eq!(report(), ["two shops", "1", "1", "1", "not closed"]);
}
