//! Any bytes are settings or an error, never a panic.

use super::error::Error;
use super::known::Known;
use super::reading::Reading;
use crate::policy::rate_limit::Rate;
use crate::registry::in_force::{Layers, Rank};
use crate::registry::{Handle, Registry};
use crate::{Bulkhead, CircuitBreaker, Deadline, Keyed, RateLimit, Retry, Semaphore, Site, Timeout};
use proptest::prelude::*;
use std::time::Duration;

static SITE: Site = Site { function: "shop::pay", file: "shop.rs", line: 1 };
static DEADLINE: Deadline = Deadline::within(Duration::from_secs(30)).at(&SITE);
static RETRY: Retry = Retry::idempotent().at(&SITE);
static BREAKER: CircuitBreaker = CircuitBreaker::named("payments");
static KEYED: Keyed<CircuitBreaker> = CircuitBreaker::named("shops").keyed(10);
static SEMAPHORE: Semaphore = Semaphore::new(3).at(&SITE);
static BULKHEAD: Bulkhead = Bulkhead::new(1).name("reports");
static QUOTA: RateLimit = RateLimit::new(Rate::per_second(7)).name("quota");
static TIMEOUT: Timeout = Timeout::attempt(Duration::from_secs(10)).at(&SITE);

#[expect(clippy::unwrap_used, reason = "a test")]
fn set_up() {
    let all: [&dyn Handle; 8] = [&DEADLINE, &RETRY, &BREAKER, &KEYED, &SEMAPHORE, &QUOTA, &BULKHEAD, &TIMEOUT];
    Registry::with(|states| all.iter().for_each(|handle| handle.set_up(states).unwrap()));
}

/// As a reload does, but for the file.
fn put(bytes: &[u8]) -> Result<(), Error> {
    Registry::with(|states| {
        let known = Known::here(states);
        let mut reading = Reading::new(&known);
        reading.bytes(&"resil.toml".into(), bytes, Rank::File);
        let layers = Layers::new(reading.said.clone());
        reading.judge(&layers);
        if !reading.problems.is_empty() {
            return Err(Error::new(reading.problems));
        }
        states.put_in_force(layers, None);
        Ok(())
    })
}

/// What is in force can be lived with, whatever was read.
fn check(bytes: &[u8]) -> bool {
    let before = crate::registry::registry().settings();
    match put(bytes) {
        Ok(()) => {
            for one in crate::registry::registry().settings() {
                let value =
                    |setting| one.settings.iter().find(|one| one.setting == setting).and_then(|one| one.value.clone());
                assert_ne!(value("permits").as_deref(), Some("0"));
                assert_ne!(value("attempts").as_deref(), Some("0"));
            }
            drop(BREAKER.admit());
            drop(KEYED.admit("key"));
            assert!(QUOTA.usage().is_ok_and(|usage| usage.burst > 0 && usage.tokens <= usage.burst.into()));
            true
        }
        Err(error) => {
            assert!(!error.problems().is_empty() && !error.to_string().contains('\u{1b}'));
            assert_eq!(crate::registry::registry().settings(), before, "nothing is changed");
            false
        }
    }
}

const PARTS: [&str; 69] = [
    "[rate_limit.by_name.quota]",
    "rate",
    "burst",
    "\"5/2s\"",
    "\"0/s\"",
    "[retry]",
    "[circuit_breaker]",
    "[timeout]",
    "[deadline]",
    "[semaphore]",
    "[bulkhead]",
    "by_name",
    "by_site",
    "payments",
    "\"shop::pay\"",
    "reports",
    "shops",
    "[circuit_breaker.by_name.payments]",
    "[timeout.by_site.\"shop::pay\"]",
    "[semaphore.by_site.\"shop::pay\"]",
    "[deadline.by_site.\"shop::pay\"]",
    "[bulkhead.by_name.reports]",
    "[circuit_breaker.by_name.shops]",
    "[retry.by_site.\"shop::pay\"]",
    "window",
    "min_calls",
    "failure_rate",
    "slow_call",
    "slow_rate",
    "open_for",
    "open_factor",
    "open_max",
    "half_open_calls",
    "half_open_max_wait",
    "mode",
    "attempts",
    "base",
    "factor",
    "max",
    "jitter",
    "retry_status",
    "permits",
    "max_wait",
    "threads",
    "max_concurrent",
    "queue",
    "attempt",
    "connect",
    "read",
    "within",
    " = ",
    "\n",
    "\"10s\"",
    "\"1ms\"",
    "\"9999999999d\"",
    "\"observe\"",
    "\"none\"",
    "0.5",
    "1",
    "7",
    "0",
    "-1",
    "inf",
    "nan",
    "[429]",
    "{",
    "}",
    ".",
    "\u{1b}",
];

/// A line that may be right, more often than not.
fn line(random: &mut fastrand::Rng) -> String {
    let mut one = || PARTS[random.usize(..PARTS.len())];
    match one().len() % 3 {
        0 => format!("{}\n", one()),
        1 => format!("{} = {}\n", one(), one()),
        _ => [one(), one(), one()].concat(),
    }
}

fn bytes(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..random.usize(..8)).flat_map(|_| line(random).into_bytes()).collect();
    for _ in 0..random.usize(..3) {
        if !bytes.is_empty() {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
    }
    bytes
}

proptest! {
    #[test]
    fn any_bytes_are_settings_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), seed: u64) {
        let _scope = crate::testing::isolated();
        set_up();
        check(&bytes);
        check(&super::tests::bytes(&mut fastrand::Rng::with_seed(seed)));
    }

    #[test]
    fn any_variable_is_a_setting_or_an_error(name in "RESIL__[A-Z_\\PC]{0,40}", value in "\\PC{0,20}") {
        let _scope = crate::testing::isolated();
        set_up();
        Registry::with(|states| {
            let known = Known::here(states);
            let mut reading = Reading::new(&known);
            reading.variable(name.as_ref(), value.as_ref());
            prop_assert_eq!(reading.said.len() + reading.problems.len(), 1);
            Ok(())
        })?;
    }
}

/// `RESIL_FUZZ_SEED=7 cargo test -p resil-runtime --release --all-features --lib fuzz -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn a_million_files_of_fuzz() {
    let seed = std::env::var("RESIL_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut random = fastrand::Rng::with_seed(seed);
    let _scope = crate::testing::isolated();
    set_up();
    let right = (0..1_000_000).filter(|_| check(&bytes(&mut random))).count();
    println!("{right} of a million were settings");
    assert!((1_000..999_000).contains(&right), "{right}");
}
