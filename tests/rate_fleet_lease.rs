//! What a process has leased of a fleet's rate: dear calls, keys that are forgotten, and a task that has ended.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use resil::policy::rate_limit::fleet::{Answer, Ask, Fleet, Store};
use resil::policy::rate_limit::{Lost, Rate};
use resil::{Error, Event, RateLimit, registry};
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
