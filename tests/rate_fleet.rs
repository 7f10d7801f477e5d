//! One rate for many processes: the promise over a store that only counts, and what happens without it.

#![expect(clippy::unwrap_used, reason = "a test")]

use resil::policy::rate_limit::fleet::{Answer, Ask, Fleet, Store};
use resil::policy::rate_limit::{Lost, Rate};
use resil::{Error, Event, RateLimit, rate_limit, registry};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// As PostgreSQL counts, with a switch.
#[derive(Clone)]
struct Counts(Arc<Inner>);

struct Inner {
    rows: Mutex<HashMap<(String, Option<u64>), Row>>,
    since: Instant,
    asked: AtomicU32,
    is_away: AtomicBool,
}

#[derive(Default, Clone, Copy)]
struct Row {
    full_at: u128,
    slot: u128,
    asked: u128,
    before: u128,
}

impl Counts {
    fn new() -> Self {
        let (rows, since) = (Mutex::default(), Instant::now());
        Self(Arc::new(Inner { rows, since, asked: AtomicU32::new(0), is_away: AtomicBool::new(false) }))
    }

    fn lease(&self, ask: &Ask) -> Answer {
        let now = self.0.since.elapsed().as_nanos();
        let mut rows = self.0.rows.lock().unwrap();
        let row = rows.entry((ask.name.to_owned(), ask.key)).or_default();
        let (every, whole) = (u128::from(ask.interval), u128::from(ask.interval) * u128::from(ask.burst));
        let slot = now / 100_000_000;
        row.before = if row.slot == slot {
            row.before
        } else if row.slot + 1 == slot {
            row.asked
        } else {
            0
        };
        row.asked = u128::from(ask.arrived) + if row.slot == slot { row.asked } else { 0 };
        row.slot = slot;
        let base = row.full_at.saturating_sub(u128::from(ask.back) * every).max(now);
        let free = whole.saturating_sub(base - now) / every;
        let total = row.asked.max(row.before).max(u128::from(ask.demand)).max(1);
        let share = (free * u128::from(ask.demand) / total).max(free.min(1));
        let granted = if base == now { ask.want.into() } else { share.min(ask.want.into()) };
        row.full_at = base + granted * every;
        let wait = (row.full_at + every).saturating_sub(whole + now);
        Answer {
            granted: granted.try_into().unwrap(),
            demand: total.try_into().unwrap(),
            wait: Duration::from_nanos(wait.try_into().unwrap()),
            differs: false,
        }
    }
}

impl Store for Counts {
    fn lease<'a>(&'a self, asks: &'a [Ask]) -> Pin<Box<dyn Future<Output = Result<Vec<Answer>, Error>> + Send + 'a>> {
        Box::pin(async move {
            self.0.asked.fetch_add(1, Relaxed);
            tokio::time::sleep(Duration::from_millis(2)).await;
            while self.0.is_away.load(Relaxed) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(asks.iter().map(|ask| self.lease(ask)).collect())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_makes_no_round_trip_and_a_quiet_process_asks_nothing() {
    static LIMIT: RateLimit = RateLimit::new(Rate::per_second(1000)).name("counted").fleet(Lost::Share);
    let _scope = resil::testing::isolated();
    let store = Counts::new();
    Fleet::of(store.clone()).install().unwrap();
    for _ in 0..1000 {
        LIMIT.acquire().await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let asked = store.0.asked.load(Relaxed);
    assert!(asked <= 80, "{asked} questions for 1000 calls in two seconds");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let quiet = store.0.asked.load(Relaxed);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(store.0.asked.load(Relaxed), quiet);
    let full_at = store.0.rows.lock().unwrap()[&("counted".to_owned(), None)].full_at;
    assert!(full_at <= store.0.since.elapsed().as_nanos(), "all was given back");
    LIMIT.acquire().await.expect("and asks again");
}

#[tokio::test(start_paused = true)]
async fn what_is_used_up_is_refused_at_once_and_waited_for_if_that_is_allowed() {
    #[rate_limit("10/s", burst = 1, name = "impatient fleet", fleet)]
    async fn impatient() -> Result<(), Error> {
        Ok(())
    }
    #[rate_limit("10/s", burst = 1, name = "patient fleet", max_wait = "10s", fleet, lost = "refuse")]
    async fn patient() -> Result<(), Error> {
        Ok(())
    }
    let _scope = resil::testing::isolated();
    Fleet::of(Counts::new()).install().unwrap();
    impatient().await.unwrap();
    let since = Instant::now();
    let mut refused = 0;
    for _ in 0..10 {
        refused += u32::from(impatient().await.is_err());
    }
    assert!(refused >= 8, "{refused}");
    assert!(since.elapsed() < Duration::from_millis(400), "{:?}", since.elapsed());
    let since = Instant::now();
    let all = futures_util::future::join_all((0..20).map(|_| patient())).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert!((1.8..=2.6).contains(&since.elapsed().as_secs_f64()), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_leaves_the_last_share_or_nothing() {
    static SHARE: RateLimit = RateLimit::new(Rate::per_second(100)).burst(10).name("shares").fleet(Lost::Share);
    static NOTHING: RateLimit = RateLimit::new(Rate::per_second(100)).burst(10).name("refuses").fleet(Lost::Refuse);
    let _scope = resil::testing::isolated();
    let store = Counts::new();
    Fleet::of(store.clone()).install().unwrap();
    let mut events = registry().subscribe();
    let count = async |limit: &'static RateLimit, seconds: u64| {
        let (mut began, until) = (0, Instant::now() + Duration::from_secs(seconds));
        while Instant::now() < until {
            began += u32::from(limit.acquire().await.is_ok());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        began
    };
    let (shares, refuses) = tokio::join!(count(&SHARE, 5), count(&NOTHING, 5));
    assert!((475..=525).contains(&shares) && (475..=525).contains(&refuses), "{shares} {refuses}");
    store.0.is_away.store(true, Relaxed);
    let part = || SHARE.usage().unwrap().fleet.unwrap();
    assert!(!part().is_lost && part().share > 0.5, "{:?}", part());
    let (shares, refuses) = tokio::join!(count(&SHARE, 60), count(&NOTHING, 60));
    assert!(part().is_lost);
    assert!((3000..=6050).contains(&shares), "alone it had all of it, as far as that is known: {shares}");
    assert!(refuses <= 50, "{refuses}");
    assert!(matches!(NOTHING.acquire().await, Err(Error::RateLimited { retry_after: None, .. })));
    store.0.is_away.store(false, Relaxed);
    let (shares, refuses) = tokio::join!(count(&SHARE, 5), count(&NOTHING, 5));
    assert!((450..=550).contains(&shares) && (450..=550).contains(&refuses), "{shares} {refuses}");
    let told: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
    let of = |name: &str| {
        let lost = |event: &&Event| matches!(event, Event::RateStoreLost { limit, .. } if *limit == name);
        let back = |event: &&Event| matches!(event, Event::RateStoreBack { limit } if *limit == name);
        (told.iter().filter(lost).count(), told.iter().filter(back).count())
    };
    // Others are refusals, of which some are missed.
    assert!(told.iter().any(|event| matches!(event, Event::Missed(_))) || of("shares") == (1, 1), "{:?}", of("shares"));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answered_gives_nothing() {
    static LIMIT: RateLimit = RateLimit::new(Rate::per_second(100)).name("never").fleet(Lost::Share);
    let _scope = resil::testing::isolated();
    let store = Counts::new();
    store.0.is_away.store(true, Relaxed);
    Fleet::of(store.clone()).install().unwrap();
    assert!(LIMIT.acquire().await.is_err(), "never unlimited");
    assert!(matches!(LIMIT.acquire().await, Err(Error::RateLimited { retry_after: None, .. })));
    store.0.is_away.store(false, Relaxed);
    tokio::time::sleep(Duration::from_secs(1)).await;
    LIMIT.acquire().await.expect("never stuck");
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_line_gives_its_token_to_the_next_and_to_the_fleet() {
    static LIMIT: RateLimit = RateLimit::new(Rate::per_second(10))
        .burst(1)
        .name("leaves")
        .max_wait(Duration::from_secs(60))
        .fleet(Lost::Share);
    let _scope = resil::testing::isolated();
    let store = Counts::new();
    Fleet::of(store.clone()).install().unwrap();
    LIMIT.acquire().await.unwrap();
    let mut leave: Vec<_> = (0..50).map(|_| Box::pin(LIMIT.acquire())).collect();
    for one in &mut leave {
        assert!(futures_util::poll!(one).is_pending());
    }
    // Some while a token is on its way, and some when it is there.
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        leave.truncate(leave.len() - 10);
    }
    assert_eq!(LIMIT.usage().unwrap().waiting, 0);
    let since = Instant::now();
    for _ in 0..10 {
        LIMIT.acquire().await.unwrap();
    }
    assert!(since.elapsed() <= Duration::from_millis(1200), "{:?} for ten", since.elapsed());
    // Nobody comes any more: nothing is kept from the others.
    let leaves = Box::pin(LIMIT.acquire());
    drop(leaves);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let full_at = store.0.rows.lock().unwrap()[&("leaves".to_owned(), None)].full_at;
    assert!(full_at <= store.0.since.elapsed().as_nanos(), "all was given back");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_costs_more_than_the_burst_has_its_turn() {
    static LIMIT: RateLimit =
        RateLimit::new(Rate::per_second(10)).burst(2).name("dear").max_wait(Duration::from_secs(60)).fleet(Lost::Share);
    let _scope = resil::testing::isolated();
    Fleet::of(Counts::new()).install().unwrap();
    LIMIT.acquire().await.unwrap();
    LIMIT.acquire().cost(5).await.expect("it is paid by and by");
    LIMIT.acquire().await.expect("and is in nobody's way");
}

#[tokio::test(start_paused = true)]
async fn each_key_has_a_row_of_its_own() {
    #[rate_limit("1/m", name = "fleet of tenants", key = tenant, fleet)]
    async fn call(tenant: &str) -> Result<(), Error> {
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let store = Counts::new();
    Fleet::of(store.clone()).install().unwrap();
    call("acme").await.unwrap();
    call("other").await.unwrap();
    assert!(call("acme").await.is_err());
    assert_eq!(store.0.rows.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fleet_without_a_store_or_a_name_is_misconfigured() {
    static NOBODY: RateLimit = RateLimit::new(Rate::per_second(1)).name("nobody").fleet(Lost::Share);
    static UNNAMED: RateLimit = RateLimit::new(Rate::per_second(1)).fleet(Lost::Share);
    let _scope = resil::testing::isolated();
    let error = NOBODY.acquire().await.unwrap_err().to_string();
    assert!(error.contains("write `Fleet::on(&db).await?.install()?` at start, before `resil::check()`"), "{error}");
    let error = UNNAMED.acquire().await.unwrap_err().to_string();
    assert!(error.ends_with("write `name = \"partner\"`"), "{error}");
    let problems = resil::check().unwrap_err();
    assert!(problems.to_string().contains("`fleet` needs a store"), "of the functions above: {problems}");
    Fleet::of(Counts::new()).install().unwrap();
    assert!(Fleet::of(Counts::new()).install().is_err(), "one is enough");
    resil::check().unwrap();
}
