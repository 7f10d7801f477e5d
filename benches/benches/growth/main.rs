//! What a call costs, and how many bytes are held, as work grows: tenfold from line to line.

mod bytes;

use resil::policy::rate_limit::Rate;
use resil::{CircuitBreaker, RateLimit, Semaphore, Window};
use std::hint::black_box;
use std::time::Instant;

/// The least of some rounds: what grows is to be seen, not what else the machine does.
fn nanoseconds(calls: u32, mut call: impl FnMut(u32)) -> f64 {
    let round = |_| {
        let began = Instant::now();
        (0..calls).for_each(|number| call(black_box(number)));
        began.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
    };
    (0..7).map(round).fold(f64::INFINITY, f64::min)
}

fn record(breaker: &CircuitBreaker, verdict: Option<resil::Verdict>) {
    match breaker.admit() {
        Ok(pass) => pass.record(verdict),
        Err(refusal) => panic!("nothing is measured: {refusal}"),
    }
}

/// One failure of ten calls, so that every call is written down.
fn window(size: u32) {
    let breaker = CircuitBreaker::unnamed().window(Window::Calls(size));
    let before = bytes::held();
    (0..size).for_each(|_| record(&breaker, None));
    let held = bytes::held() - before;
    let clean = nanoseconds(100_000, |_| record(&breaker, None));
    let failure = resil::Verdict::transient();
    let mixed = nanoseconds(100_000, |number| record(&breaker, number.is_multiple_of(10).then_some(failure)));
    println!("| a window of calls | {size} | {held} | {clean:.0} clean, {mixed:.0} with 10 % failures |");
}

fn keys(count: u32) {
    const MOST: u32 = 1_000_000;
    let breakers: &'static _ = Box::leak(Box::new(CircuitBreaker::unnamed().keyed(MOST)));
    let limits: &'static _ = Box::leak(Box::new(RateLimit::new(Rate::per_second(1_000_000)).keyed(MOST)));
    let permits: &'static _ = Box::leak(Box::new(Semaphore::new(100).keyed(MOST)));
    one_kind("keyed circuit breakers", count, |key| drop(breakers.admit(&key)));
    one_kind("keyed rate limits", count, |key| drop(ready(limits.acquire(&key))));
    one_kind("keyed semaphores", count, |key| drop(ready(permits.acquire(&key))));
}

fn one_kind(what: &str, count: u32, mut call: impl FnMut(u32)) {
    let before = bytes::held();
    (0..count).for_each(&mut call);
    let each = (bytes::held() - before) / i64::from(count);
    // Spread over all of them, in no order that a cache could follow.
    let ns = nanoseconds(100_000, |number| call(number.wrapping_mul(2_654_435_761) % count));
    println!("| {what} | {count} | {each} a key | {ns:.0} |");
}

fn ready<F: Future>(call: F) -> Option<F::Output> {
    let call = std::pin::pin!(call);
    match call.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(answer) => Some(answer),
        std::task::Poll::Pending => None,
    }
}

fn main() {
    println!("| what grows | to | bytes | ns a call |\n|---|--:|--:|--:|");
    // The largest that is allowed is the last.
    for size in [10, 100, 1_000, 10_000, 65_536] {
        window(size);
    }
    for count in [10, 100, 1_000, 10_000, 100_000, 1_000_000] {
        keys(count);
    }
}
