//! What a call costs in memory: nothing on success and nothing on refusal.

use resil::policy::rate_limit::Rate;
use resil::{
    CircuitBreaker, Classify, Error, Keyed, RateLimit, Semaphore, circuit_breaker, deadline, rate_limit, retry,
    semaphore, timeout,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// Live bytes.
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: hands every request to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size().cast_signed());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get() - layout.size().cast_signed());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[derive(Debug, Classify)]
enum Failed {
    #[classify(transient)]
    Busy,
    #[classify(delegate)]
    Policy(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

#[circuit_breaker(name = "count")]
async fn counted(ok: bool) -> Result<u32, Failed> {
    if ok { Ok(7) } else { Err(Failed::Busy) }
}

#[circuit_breaker(name = "time", window = "60s")]
async fn timed(ok: bool) -> Result<u32, Failed> {
    if ok { Ok(7) } else { Err(Failed::Busy) }
}

#[circuit_breaker(name = "open", window = 1, min_calls = 1)]
async fn refused(ok: bool) -> Result<u32, Failed> {
    if ok { Ok(7) } else { Err(Failed::Busy) }
}

#[retry(idempotent, base = "0ms", budget = none)]
async fn retried(ok: bool) -> Result<u32, Failed> {
    if ok { Ok(7) } else { Err(Failed::Busy) }
}

#[timeout("5s")]
async fn bounded(ok: bool) -> Result<u32, Failed> {
    if ok { Ok(7) } else { Err(Failed::Busy) }
}

#[semaphore(name = "free", permits = 1)]
async fn limited(ok: bool) -> Result<u32, Failed> {
    if ok { Ok(7) } else { Err(Failed::Busy) }
}

#[rate_limit("1000000/s")]
async fn rated(ok: bool) -> Result<u32, Failed> {
    if ok { Ok(7) } else { Err(Failed::Busy) }
}

#[rate_limit("1/d")]
async fn used_up(ok: bool) -> Result<u32, Failed> {
    if ok { Ok(7) } else { Err(Failed::Busy) }
}

#[circuit_breaker(name = "keyed", key = key)]
#[semaphore(name = "keyed", key = key, permits = 1)]
#[rate_limit("1000000/s", key = key)]
async fn keyed(key: u32) -> Result<u32, Failed> {
    Ok(key)
}

#[deadline("30s")]
#[retry(idempotent)]
#[circuit_breaker(name = "whole")]
#[semaphore(name = "whole", permits = 10, max_wait = "1s")]
#[timeout("5s", connect = "1s", read = "5s")]
async fn whole(ok: bool) -> Result<u32, Failed> {
    if ok { Ok(7) } else { Err(Failed::Busy) }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("ready at once"),
    }
}

/// Allocations of a hundred calls, after the first one looked its state up.
fn allocations<T>(mut call: impl FnMut() -> T) -> usize {
    call();
    let before = ALLOCATIONS.get();
    for _ in 0..100 {
        std::hint::black_box(call());
    }
    ALLOCATIONS.get() - before
}

#[test]
fn success_allocates_nothing() {
    assert_eq!(allocations(|| ready(counted(true)).is_ok()), 0, "breaker");
    assert_eq!(allocations(|| ready(timed(true)).is_ok()), 0, "breaker on a time window");
    assert_eq!(allocations(|| ready(retried(true)).is_ok()), 0, "retry");
    assert_eq!(allocations(|| ready(bounded(true)).is_ok()), 0, "timeout");
    assert_eq!(allocations(|| ready(limited(true)).is_ok()), 0, "semaphore");
    assert_eq!(allocations(|| ready(rated(true)).is_ok()), 0, "rate limit");
    assert_eq!(allocations(|| ready(keyed(1)).is_ok()), 0, "keyed, and the key is known");
    assert_eq!(allocations(|| ready(whole(true)).is_ok()), 0, "the whole stack");
}

static FULL: Semaphore = Semaphore::new(1).name("full");

#[test]
fn failure_refusal_and_an_undelayed_retry_allocate_nothing() {
    assert_eq!(allocations(|| ready(counted(false)).is_err()), 0, "failing, then open");
    assert_eq!(allocations(|| ready(timed(false)).is_err()), 0, "failing, then open");
    assert_eq!(allocations(|| ready(refused(false)).is_err()), 0, "open");
    assert!(matches!(ready(refused(true)), Err(Failed::Policy(Error::CircuitOpen { .. }))));
    assert_eq!(allocations(|| ready(retried(false)).is_err()), 0, "three attempts");
    let taken = ready(FULL.acquire()).unwrap();
    assert_eq!(allocations(|| ready(FULL.acquire()).is_err()), 0, "full semaphore");
    drop(taken);
    assert_eq!(allocations(|| ready(used_up(true)).is_err()), 0, "used up rate");
    assert!(matches!(ready(used_up(true)), Err(Failed::Policy(Error::RateLimited { .. }))));
}

#[test]
fn telling_a_subscriber_allocates_nothing() {
    let mut events = resil::registry().subscribe();
    assert_eq!(allocations(|| ready(refused(false)).is_err()), 0, "open");
    assert_eq!(allocations(|| ready(retried(false)).is_err()), 0, "three attempts");
    assert!(events.try_next().is_some());
    drop(events);
    assert_eq!(allocations(|| ready(retried(false)).is_err()), 0, "nobody waits any more");
}

#[test]
fn a_breaker_takes_at_most_256_bytes() {
    const BREAKERS: usize = 1000;
    let breakers: Vec<_> = (0..BREAKERS)
        .map(|number| {
            resil::CircuitBreaker::named(format!("breaker {number}").leak()).window(resil::Window::Calls(100))
        })
        .collect();
    let before = BYTES.get();
    for breaker in &breakers {
        drop(breaker.admit());
    }
    // The registry's entry is counted as well.
    let bytes = (BYTES.get() - before) / BREAKERS.cast_signed();
    println!("{bytes} bytes");
    assert!(bytes <= 256 + 64, "{bytes} bytes a breaker, its entry in the registry included");
}

#[test]
fn a_hundred_thousand_keyed_breakers_take_at_most_24_mib() {
    static TENANTS: Keyed<CircuitBreaker> = CircuitBreaker::named("tenants").keyed(100_000);
    let before = BYTES.get();
    for tenant in 0..100_000_u32 {
        drop(TENANTS.admit(&tenant));
    }
    let bytes = BYTES.get() - before;
    assert!(TENANTS.usage().is_ok_and(|usage| usage.keys == 100_000));
    println!("{} bytes a key", bytes / 100_000);
    assert!(bytes <= 24 << 20, "{bytes} bytes");
}

#[test]
fn a_hundred_thousand_keyed_rate_limits_take_at_most_12_mib() {
    static TENANTS: Keyed<RateLimit> = RateLimit::new(Rate::per_second(100)).name("rated tenants").keyed(100_000);
    let before = BYTES.get();
    for tenant in 0..100_000_u32 {
        assert!(ready(TENANTS.acquire(&tenant)).is_ok());
    }
    let bytes = BYTES.get() - before;
    assert!(TENANTS.usage().is_ok_and(|usage| usage.keys == 100_000));
    println!("{} bytes a key", bytes / 100_000);
    assert!(bytes <= 12 << 20, "{bytes} bytes");
}

#[test]
fn policies_made_by_hand_leave_nothing_behind() {
    let all = || {
        assert!(CircuitBreaker::unnamed().admit().is_ok());
        assert!(CircuitBreaker::unnamed().keyed(10).admit("key").is_ok());
        assert!(ready(Semaphore::new(1).acquire()).is_ok());
        assert!(ready(RateLimit::new(Rate::per_second(1)).acquire()).is_ok());
        let retry = resil::Retry::idempotent();
        assert!(retry.start().again(None).is_none());
        let fallback = resil::Fallback::stale(std::time::Duration::from_secs(60));
        fallback.last_good("key").keep(&7_u32);
    };
    // The maps of the registry grow first.
    (0..100).for_each(|_| all());
    let before = BYTES.get();
    (0..8_000).for_each(|_| all());
    let left = BYTES.get() - before;
    // Other tests make the maps grow in the meantime.
    assert!(left < 8_000, "{left} bytes left by 40,000 policies");
}
