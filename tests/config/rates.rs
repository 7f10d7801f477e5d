//! A rate limit goes by what is in force, and a change loses no token and makes none.

use crate::support::{Files, value};
use resil::config::Configuration;
use resil::policy::rate_limit::fleet::{self, Answer, Ask};
use resil::policy::rate_limit::{Fleet, Lost, Rate};
use resil::{Error, Event, RateLimit, rate_limit, registry};
use std::time::Duration;
use tokio::time::Instant;

fn code(settings: &[(String, &str)]) -> Configuration {
    let new = Configuration::new().environment::<&str, &str>([]);
    settings.iter().fold(new, |all, (path, value)| all.set(path, *value))
}

#[rate_limit("1/s", name = "bank", max_wait = "10s")]
async fn bank() -> Result<(), Error> {
    Ok(())
}

const BANK: &str = "rate_limit.by_name.bank";

fn quota(settings: &[(&str, &str)]) -> Result<Vec<resil::config::Change>, resil::config::Error> {
    let settings: Vec<_> = settings.iter().map(|(key, value)| (format!("{BANK}.{key}"), *value)).collect();
    code(&settings).apply()
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_goes_by_what_is_in_force_and_who_waits_goes_on() {
    let _scope = resil::testing::isolated();
    bank().await.unwrap();
    let since = Instant::now();
    let waits: Vec<_> = (0..4).map(|_| tokio::spawn(async move { (bank().await.is_ok(), since.elapsed()) })).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let changes = quota(&[("rate", "10/s"), ("burst", "1")]).unwrap();
    let told: Vec<_> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["rate limit `bank`: rate from 1/s to 10/s, by code", "rate limit `bank`: burst from none to 1, by code"]
    );
    for (place, wait) in (1..).zip(waits) {
        // Half of a token was missing still.
        assert_eq!(wait.await.unwrap(), (true, Duration::from_millis(450 + place * 100)));
    }
    quota(&[("rate", "1/h"), ("max_wait", "0s"), ("follow_max", "1s")]).unwrap();
    let limit = registry().rate_limit("bank").unwrap();
    assert!(matches!(bank().await, Err(Error::RateLimited { retry_after: Some(_), .. })));
    limit.pause(Duration::from_secs(60)).unwrap();
    assert_eq!(limit.usage().unwrap().paused_for, Some(Duration::from_secs(1)));
    assert_eq!(
        (value("rate_limit", "bank", "rate"), value("rate_limit", "bank", "lost")),
        ("1/h".into(), "none".into())
    );
    quota(&[]).unwrap();
    assert_eq!((value("rate_limit", "bank", "rate"), limit.usage().unwrap().burst), ("1/s".into(), 1));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    bank().await.unwrap();
}

/// A store that the test holds on to.
struct Borrowed(&'static Store);

impl fleet::Store for Borrowed {
    fn lease<'a>(&'a self, asks: &'a [Ask]) -> Leased<'a> {
        fleet::Store::lease(self.0, asks)
    }
}

/// A fleet whose store tells others' settings from ours, as PostgreSQL does.
#[derive(Default)]
struct Store(std::sync::Mutex<Option<(u64, u32)>>);

type Leased<'a> = std::pin::Pin<Box<dyn Future<Output = Result<Vec<Answer>, Error>> + Send + 'a>>;

impl fleet::Store for Store {
    fn lease<'a>(&'a self, asks: &'a [Ask]) -> Leased<'a> {
        let answers = asks.iter().map(|ask| {
            let asked = (ask.interval, ask.burst);
            let before = self.0.lock().unwrap().replace(asked);
            Answer {
                granted: ask.want,
                demand: ask.demand.max(1),
                wait: Duration::ZERO,
                differs: before.is_some_and(|before| before != asked),
            }
        });
        Box::pin(std::future::ready(Ok(answers.collect())))
    }
}

/// By hand: one that an attribute writes would need a store in all tests.
static SHARED: RateLimit = RateLimit::new(Rate::per_second(100)).name("shared bank").fleet(Lost::Share);

#[tokio::test(start_paused = true)]
async fn a_fleet_asks_by_what_is_in_force_and_does_not_differ_from_itself() {
    let _scope = resil::testing::isolated();
    let store: &'static Store = Box::leak(Box::default());
    Fleet::of(Borrowed(store)).install().unwrap();
    let mut events = registry().subscribe();
    let asked = async || {
        SHARED.acquire().await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        SHARED.acquire().await.unwrap();
        store.0.lock().unwrap().unwrap()
    };
    assert_eq!(asked().await, (10_000_000, 100));
    let path = |key| format!("rate_limit.by_name.\"shared bank\".{key}");
    code(&[(path("rate"), "50/s"), (path("lost"), "refuse")]).apply().unwrap();
    assert_eq!(asked().await, (20_000_000, 50));
    assert_eq!(value("rate_limit", "shared bank", "lost"), "refuse");
    let differs = |event: &Event| matches!(event, Event::RateDiffers { .. });
    assert!(!std::iter::from_fn(|| events.try_next()).any(|event| differs(&event)));
    // Another process does.
    *store.0.lock().unwrap() = Some((10_000_000, 100));
    asked().await;
    assert!(std::iter::from_fn(|| events.try_next()).any(|event| differs(&event)));
    let error = quota(&[("lost", "refuse")]).unwrap_err().to_string();
    assert!(error.contains("shares its rate with no other process"), "{error}");
}

/// A bucket as anybody would keep it: how long it takes until it is full.
struct Bucket {
    missing: u128,
    interval: u128,
    burst: u128,
}

impl Bucket {
    fn passes(&mut self, nanos: u64) {
        self.missing = self.missing.saturating_sub(nanos.into());
    }

    fn takes(&mut self, tokens: u128) -> bool {
        let needs = tokens.min(self.burst) * self.interval;
        let is_there = self.missing + needs <= self.burst * self.interval;
        self.missing += if is_there { tokens * self.interval } else { 0 };
        is_there
    }

    fn becomes(&mut self, interval: u128, burst: u128) {
        self.missing = self.missing.saturating_sub(self.burst.saturating_sub(burst) * self.interval);
        self.missing = (self.missing * interval).div_ceil(self.interval);
        (self.interval, self.burst) = (interval, burst);
    }
}

#[rate_limit("5/s", name = "kept tokens", cost = tokens)]
async fn costs(tokens: u32) -> Result<(), Error> {
    Ok(())
}

#[rate_limit("5/s", name = "kept by key", key = key, cost = tokens)]
async fn costs_of(key: u32, tokens: u32) -> Result<(), Error> {
    Ok(())
}

/// The same of tokens, of one bucket and of each key's.
#[tokio::test(start_paused = true)]
async fn no_token_is_lost_or_made() {
    for seed in 0..20 {
        let _scope = resil::testing::isolated();
        let mut random = fastrand::Rng::with_seed(seed);
        let files = Files::new("");
        files.configuration().apply().unwrap();
        let new = || Bucket { missing: 0, interval: 200_000_000, burst: 5 };
        let (mut shared, mut keys) = (new(), [new(), new()]);
        for step in 0..300 {
            let told = format!("seed {seed}, step {step}");
            match random.u32(..10) {
                0..3 => {
                    let tokens = if random.u32(..5) == 0 { random.u32(1..15) } else { 1 };
                    assert_eq!(costs(tokens).await.is_ok(), shared.takes(tokens.into()), "{told}");
                }
                3..6 => {
                    let (key, tokens) = (random.usize(..2), random.u32(1..4));
                    let began = costs_of(u32::try_from(key).unwrap(), tokens).await.is_ok();
                    assert_eq!(began, keys[key].takes(tokens.into()), "{told}");
                }
                6..9 => {
                    let millis = random.u64(..400);
                    tokio::time::advance(Duration::from_millis(millis)).await;
                    [&mut shared].into_iter().chain(&mut keys).for_each(|one| one.passes(millis * 1_000_000));
                }
                _ => {
                    let (calls, per, burst) = (random.u32(1..20), random.u64(1..4), random.u32(1..20));
                    let burst = Some(burst).filter(|_| random.bool());
                    let set = burst.map(|burst| format!("burst = {burst}\n")).unwrap_or_default();
                    let set = format!("rate = '{calls}/{per}s'\n{set}");
                    let text =
                        format!("[rate_limit.by_name.'kept tokens']\n{set}[rate_limit.by_name.'kept by key']\n{set}");
                    files.write("resil.toml", &text);
                    resil::reload().unwrap_or_else(|error| panic!("{told}: {error}"));
                    let interval = u128::from((per * 1_000_000_000).div_ceil(calls.into()));
                    let burst = burst.unwrap_or(calls).into();
                    [&mut shared].into_iter().chain(&mut keys).for_each(|one| one.becomes(interval, burst));
                }
            }
            if let Some(limit) = registry().rate_limit("kept tokens") {
                let usage = limit.usage().unwrap();
                let missing = i64::try_from(shared.missing.div_ceil(shared.interval)).unwrap();
                let tokens = i64::try_from(shared.burst).unwrap() - missing;
                assert_eq!((usage.tokens, u128::from(usage.burst)), (tokens, shared.burst), "{told}");
            }
        }
    }
}
