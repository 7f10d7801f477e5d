//! What a process has leased of a fleet's rate: dear calls, keys that are forgotten, and a task that has ended.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use resil::policy::rate_limit::fleet::{Answer, Ask, Fleet, Store};
use resil::policy::rate_limit::{Lost, Rate};
use resil::{Error, Event, RateLimit, rate_limit, registry};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;

/// What a question is answered with: so many tokens at most, or not.
type Gives = dyn Fn(u32, &Ask) -> Option<u32> + Send + Sync;

#[derive(Clone)]
struct Told(Arc<Gives>, Arc<AtomicU32>, Arc<Mutex<Vec<Ask>>>);

fn told(gives: impl Fn(u32, &Ask) -> Option<u32> + Send + Sync + 'static) -> Told {
    Told(Arc::new(gives), Arc::default(), Arc::default())
}

impl Store for Told {
    fn lease<'a>(&'a self, asks: &'a [Ask]) -> Pin<Box<dyn Future<Output = Result<Vec<Answer>, Error>> + Send + 'a>> {
        let number = self.1.fetch_add(1, Relaxed);
        self.2.lock().unwrap().extend_from_slice(asks);
        let answer = |ask: &Ask| {
            let granted = (self.0)(number, ask)?.min(ask.want);
            Some(Answer { granted, demand: ask.demand.max(1), wait: Duration::ZERO, differs: false })
        };
        let answers: Option<Vec<_>> = asks.iter().map(answer).collect();
        Box::pin(async move { answers.ok_or(Error::MissingKey { method: "AWAY" }) })
    }
}

#[test]
fn a_runtime_that_ends_leaves_the_limit_to_the_next() {
    static LIMIT: RateLimit = RateLimit::new(Rate::per_second(10_000)).name("two runtimes").fleet(Lost::Share);
    let _scope = resil::testing::isolated();
    Fleet::of(told(|_, _| Some(u32::MAX))).install().unwrap();
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // More than it has leased, so that it has to ask.
            let dear = LIMIT.usage().map_or(1, |usage| u32::try_from(usage.tokens).unwrap_or(0) + 1);
            LIMIT.acquire().cost(dear).await.expect("somebody asks");
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_is_away_and_asked_again() {
    static LIMIT: RateLimit = RateLimit::new(Rate::per_second(100)).name("panics").fleet(Lost::Refuse);
    let _scope = resil::testing::isolated();
    let store = told(|number, _| if number < 3 { panic!("a bug of the store") } else { Some(u32::MAX) });
    Fleet::of(store).install().unwrap();
    let mut events = registry().subscribe();
    assert!(LIMIT.acquire().await.is_err());
    assert!(matches!(events.try_next(), Some(Event::RateStoreLost { limit: "panics", .. })));
    sleep(Duration::from_secs(1)).await;
    LIMIT.acquire().await.expect("it answers again");
}

#[tokio::test(start_paused = true)]
async fn a_key_takes_nothing_over_from_one_that_was_forgotten() {
    #[rate_limit("1/s", name = "forgotten", key = tenant, max_keys = 1, fleet)]
    async fn call(tenant: &str) -> Result<(), Error> {
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let store = told(|_, _| Some(u32::MAX));
    Fleet::of(store.clone()).install().unwrap();
    let mut keys = Vec::new();
    for tenant in ["acme", "other", "third"] {
        store.2.lock().unwrap().clear();
        call(tenant).await.unwrap();
        let first = store.2.lock().unwrap()[0].clone();
        assert_eq!((first.is_known, first.arrived), (false, 1), "of {tenant}");
        keys.push(first.key);
        // Until it has given back what it has, and is as new.
        sleep(Duration::from_secs(5)).await;
    }
    keys.dedup();
    assert_eq!(keys.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_falls_silent_in_an_outage_is_not_lost_for_ever() {
    static LIMIT: RateLimit = RateLimit::new(Rate::per_second(100)).name("silent").fleet(Lost::Refuse);
    let _scope = resil::testing::isolated();
    Fleet::of(told(|number, _| (number == 0).then_some(u32::MAX))).install().unwrap();
    let mut events = registry().subscribe();
    LIMIT.acquire().await.unwrap();
    sleep(Duration::from_millis(200)).await;
    assert!(LIMIT.usage().unwrap().fleet.unwrap().is_lost);
    sleep(Duration::from_secs(5)).await;
    assert!(!LIMIT.usage().unwrap().fleet.unwrap().is_lost, "nobody asks for it");
    let told: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
    assert!(matches!(told[..], [Event::RateStoreLost { .. }, Event::RateStoreBack { limit: "silent" }]), "{told:?}");
    // And is told again.
    assert!(LIMIT.acquire().await.is_err());
    assert!(matches!(events.try_next(), Some(Event::RateStoreLost { limit: "silent", .. })));
}
