//! Constants, types and values that are seldom written.
#![deny(warnings)]
#![allow(dead_code)]
use resil::{Error, bulkhead, circuit_breaker, deadline, fallback, non_idempotent, retry, semaphore, timeout};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// Settings in places.
struct Cfg;
impl Cfg {
    const LIMITS: &'static [u32] = &[3, 4];
    const fn wait(self) -> Duration {
        Duration::from_millis(1)
    }
}
static SETTINGS: (u32, f64) = (2, 1.5);

#[deadline(<Duration as Twice>::TWICE)]
#[retry(idempotent, attempts = Cfg::LIMITS[0], base = Cfg.wait(), factor = SETTINGS.1, max = { 'a: { break 'a Duration::from_secs(1) } })]
#[circuit_breaker(name = concat!("a", "b"), min_calls = Cfg::LIMITS.len() as u32, failure_rate = 1.0 / 4.0, window = u16::MAX as u32)]
#[timeout(Cfg.wait().saturating_mul(5))]
async fn more_constants() -> Result<u32, Error> {
    Ok(1)
}
trait Twice {
    const TWICE: Duration;
}
impl Twice for Duration {
    const TWICE: Duration = Duration::from_secs(2);
}

#[bulkhead(threads = 1)]
async fn owned(
    f: Box<dyn FnOnce(&str, &mut [u8]) -> usize + Send>,
    g: impl Fn(&u8) -> Cow<'_, u8> + Send + 'static,
    t: (Arc<[u8]>, &'static str),
) -> Result<usize, Error> {
    let _ = g(&1);
    Ok(f(t.1, &mut [1]))
}

#[fallback(value = "x".into())]
async fn into() -> Result<String, Error> {
    Ok(String::new())
}
#[fallback(value = Default::default())]
async fn default() -> Result<Vec<u8>, Error> {
    Ok(vec![])
}
#[fallback(value = None)]
async fn none() -> std::io::Result<Option<Box<dyn Fn(u8) -> u8 + Send>>> {
    Ok(None)
}
#[fallback(value = Arc::new([1u8, 2]))]
#[semaphore(permits = 3)]
async fn unsized_() -> Result<Arc<[u8]>, Error> {
    Ok(Arc::from(vec![]))
}

#[non_idempotent]
async fn quiet(_: u8, _a: String, mut _b: u8, ref _c: u8) -> Result<(), Error> where {
    Ok(())
}

fn main() {}
