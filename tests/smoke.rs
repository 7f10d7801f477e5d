//! Smoke.
use resil::{IdempotencyKey, circuit_breaker, deadline, retry, timeout};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
static RUNS: AtomicU32 = AtomicU32::new(0);
#[retry(idempotent, base = "1ms")]
#[circuit_breaker(name = "smoke", window = 4)]
#[timeout("5s")]
async fn f(x: &str) -> io::Result<String> {
    RUNS.fetch_add(1, SeqCst);
    if x.is_empty() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(x.to_owned())
}
#[retry(idempotency_key = key, attempts = 2)]
async fn keyed(key: &IdempotencyKey) -> io::Result<String> {
    Ok(format!("{key}"))
}
#[circuit_breaker]
async fn just(x: String) -> io::Result<String> {
    Ok(x)
}
#[deadline("3s")]
#[timeout(read = "1s")]
async fn d(x: String) -> io::Result<impl Iterator<Item = char>> {
    Ok(x.chars().rev().collect::<Vec<_>>().into_iter())
}
#[tokio::test(start_paused = true)]
async fn smoke() {
    let _scope = resil::testing::isolated();
    assert_eq!(f("x").await.unwrap(), "x");
    assert!(f("").await.is_err());
    assert_eq!(RUNS.load(SeqCst), 4);
    assert!(keyed(&IdempotencyKey::random()).await.is_ok());
    assert!(just(String::new()).await.is_ok());
    assert!(d("ab".into()).await.unwrap().next() == Some('b'));
}
