#![deny(warnings)]
#![forbid(unsafe_code)]

use resil::retry as again;
use resil::{Error, Verdict, bulkhead, circuit_breaker, deadline, semaphore, timeout};
use std::time::Duration;

const ATTEMPTS: u32 = 5;
const RATE: f64 = 0.25;
const RETRY: u32 = 4;

mod limits {
    use std::time::Duration;

    pub const NAME: &str = "payment";
    pub const WHOLE: Duration = Duration::from_secs(10);
    pub const READ: Duration = Duration::from_secs(5);
    pub const SOON: Duration = Duration::from_millis(50);
    #[allow(non_upper_case_globals)]
    pub const whole: Duration = Duration::from_secs(20);
}

#[again(idempotent, attempts = ATTEMPTS, base = Duration::from_millis(50), max = limits::READ)]
#[circuit_breaker(name = limits::NAME, min_calls = 10 + 5, failure_rate = RATE, failure_if = limited)]
#[timeout(limits::WHOLE, read = limits::READ)]
async fn by_constants() -> Result<u32, Error> {
    Ok(1)
}

struct Settings {
    attempts: u32,
    name: &'static str,
    whole: Duration,
}

const CFG: Settings = Settings { attempts: 3, name: "payment of the config", whole: Duration::from_secs(10) };
const WIDE: usize = 4;
const RATES: [f64; 2] = [0.25, 0.5];
const NAMES: &[&str] = &["warehouse"];
const IS_SLOW: bool = true;

const fn name_of(number: usize) -> &'static str {
    NAMES[number]
}

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// A constant is any constant expression.
#[deadline(if IS_SLOW { Duration::from_secs(60) } else { seconds(30) })]
#[resil::retry(
    idempotent,
    attempts = CFG.attempts,
    base = { limits::SOON },
    max = match IS_SLOW { true => seconds(9), false => seconds(5) },
    factor = 1.0 + RATES[1],
    budget = if IS_SLOW { "slow" } else { "fast" }
)]
#[circuit_breaker(
    name = CFG.name,
    window = WIDE as u32 * 10,
    min_calls = (3),
    failure_rate = RATES[0],
    slow_rate = (RATES[1]),
    slow_call = (("2s")),
    open_for = *&CFG.whole,
    half_open_calls = const { 2 + 3 },
    half_open_max_wait = { const TWICE: u32 = 2; CFG.whole.saturating_mul(TWICE) }
)]
#[semaphore(name = name_of(0), permits = u32::MAX >> 4, max_wait = CFG.whole)]
#[timeout(Duration::from_secs(5), read = seconds(5))]
async fn by_expressions() -> Result<u32, Error> {
    Ok(1)
}

#[deadline({ limits::WHOLE })]
#[bulkhead(name = NAMES[0], threads = CFG.attempts - 1, max_concurrent = !0 >> 20)]
#[timeout(CFG.whole)]
async fn by_places() -> Result<u32, Error> {
    Ok(1)
}

#[deadline(limits::WHOLE.saturating_mul(2))]
#[timeout(limits::whole)]
async fn by_a_method() -> Result<u32, Error> {
    Ok(1)
}

/// Through macros, which put what they hand on into groups of their own.
macro_rules! guarded {
    ($name:ident, $attempts:expr, $limit:expr, $whole:literal, $breaker:expr, $read:path, $factor:tt) => {
        #[deadline($whole)]
        #[resil::retry(idempotent, attempts = $attempts, factor = $factor)]
        #[circuit_breaker(name = $breaker)]
        #[timeout($limit, read = $read)]
        async fn $name() -> Result<u32, Error> {
            Ok(1)
        }
    };
}
guarded!(by_fragments, CFG.attempts, Duration::from_secs(6), "1m30s", name_of(0), limits::READ, 2.0);
guarded!(by_literals, 2, "6s", "1h 30m", "letters", limits::READ, 1.5);
guarded!(by_parentheses, (2), ({ CFG.whole }), "1m30.5s", ("in parentheses"), limits::READ, (CFG.attempts as f64));

fn limited(calls: &u32) -> Option<Verdict> {
    (*calls > 100).then(Verdict::permanent)
}

/// A path is nobody's static but your own.
#[again(unsent, attempts = self::RETRY)]
async fn by_a_path() -> Result<u32, Error> {
    Ok(1)
}

mod partners {
    pub use resil;
}

#[partners::resil::retry(idempotent, crate = crate::partners::resil)]
#[crate::partners::resil::timeout("5s")]
async fn elsewhere() -> Result<u32, Error> {
    Ok(1)
}

#[resil::retry(idempotent)]
#[::resil::circuit_breaker]
#[timeout("5s")]
#[tracing::instrument]
#[must_use]
async fn with_attributes_of_others_below() -> Result<u32, Error> {
    Ok(1)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(resil::check(), Ok(()));
    assert_eq!(by_constants().await.unwrap(), 1);
    assert_eq!(by_expressions().await.unwrap(), 1);
    assert_eq!(by_places().await.unwrap(), 1);
    assert_eq!(by_a_method().await.unwrap(), 1);
    assert_eq!(by_fragments().await.unwrap(), 1);
    assert_eq!(by_literals().await.unwrap(), 1);
    assert_eq!(by_parentheses().await.unwrap(), 1);
    assert_eq!(by_a_path().await.unwrap(), 1);
    assert_eq!(elsewhere().await.unwrap(), 1);
    assert_eq!(with_attributes_of_others_below().await.unwrap(), 1);
}
