//! Permits that are spread over shards.

use super::super::{Permits, Usage};
use std::future::Future;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

/// Permits that the shards of these threads have all free ones of, but for the remainder.
fn spread(limit: u32, threads: usize) -> Permits {
    let permits = Permits::new(limit);
    for thread in 0..threads {
        assert!(permits.take_spread(thread));
        permits.give_spread(thread);
    }
    assert!(permits.balance.is_spread());
    permits
}

fn quiet(limit: u32) -> Usage {
    Usage { limit, in_use: 0, waiting: 0 }
}

/// However threads take and give, with and without shards, there are never more out than there are, and none is refused
/// while one is free.
#[test]
fn a_number_is_all_that_shards_are_seen_as_in_a_million_random_steps() {
    for seed in 0..10 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut limit, mut out) = (40, 0);
        let permits = Permits::new(limit);
        let mut was_spread = 0_u64;
        for number in 0..100_000 {
            let thread = rng.usize(0..5);
            // A tide, so that it comes to none and to all.
            let takes = rng.u32(0..8) < if number / 500 % 2 == 0 { 5 } else { 3 };
            match rng.u32(0..1_000) {
                0 => {
                    limit = rng.u32(1..80);
                    permits.resize(limit);
                }
                1 => assert_eq!(permits.snapshot(), Usage { limit, in_use: out, waiting: 0 }, "seed {seed}, {number}"),
                2..500 if takes => {
                    assert_eq!(permits.take_spread(thread), out < limit, "seed {seed}, step {number}");
                    out = limit.max(out).min(out + 1);
                }
                500.. if takes => {
                    assert_eq!(permits.try_take(), out < limit, "seed {seed}, step {number}");
                    out = limit.max(out).min(out + 1);
                }
                2..500 if out > 0 => {
                    permits.give_spread(thread);
                    out -= 1;
                }
                500.. if out > 0 => {
                    permits.give_back();
                    out -= 1;
                }
                _ => {}
            }
            was_spread += u64::from(permits.balance.is_spread());
        }
        assert!((10_000..99_000).contains(&was_spread), "both are tried: {was_spread}");
    }
}

#[test]
fn an_empty_shard_refuses_nobody_while_another_has_one() {
    let permits = spread(9, 2);
    assert_eq!((0..20).filter(|_| permits.take_spread(1)).count(), 9);
    assert!(!permits.balance.is_spread(), "there is nothing to spread");
}

#[test]
fn what_comes_back_to_a_shard_goes_to_whoever_waits() {
    let permits = spread(9, 2);
    while permits.take_spread(0) {}
    let mut waiter = pin!(permits.acquire());
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiter.as_mut().poll(&mut context).is_pending());
    permits.give_spread(1);
    assert!(!permits.take_spread(0), "it is the waiter's");
    assert_eq!(waiter.as_mut().poll(&mut context), Poll::Ready(()));
}

#[test]
fn a_lowered_limit_counts_what_shards_have() {
    let permits = spread(40, 2);
    permits.resize(1);
    assert!(permits.take_spread(0) && !permits.take_spread(1));
    permits.resize(40);
    permits.give_spread(1);
    assert_eq!(permits.snapshot(), quiet(40));
}

#[test]
fn a_look_leaves_them_spread() {
    let permits = spread(40, 2);
    assert_eq!(permits.snapshot(), quiet(40));
    assert!(permits.balance.is_spread());
}

#[test]
fn threads_that_meet_are_never_more_than_the_limit_and_never_refused_below_it() {
    const THREADS: u32 = 4;
    for held in 1..4 {
        // Each holds so many at most, so there is always one.
        let limit = THREADS * held;
        let (permits, out, most, start) =
            (Permits::new(limit), AtomicI64::new(0), AtomicU64::new(0), Barrier::new(THREADS as usize));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..20_000 {
                        for _ in 0..held {
                            assert!(permits.try_take(), "one is free");
                            let now = out.fetch_add(1, Ordering::Relaxed) + 1;
                            most.fetch_max(now.cast_unsigned(), Ordering::Relaxed);
                        }
                        for _ in 0..held {
                            out.fetch_sub(1, Ordering::Relaxed);
                            permits.give_back();
                        }
                    }
                });
            }
        });
        assert!(most.load(Ordering::Relaxed) <= limit.into(), "{most:?} of {limit}");
        assert_eq!(permits.snapshot(), quiet(limit));
    }
}

#[test]
fn threads_that_ask_for_more_than_there_are_never_have_more() {
    let limit = 24;
    let (permits, out, refused) = (Permits::new(limit), AtomicI64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for seed in 0..4 {
            let (permits, out, refused) = (&permits, &out, &refused);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed);
                let mut held = 0;
                for _ in 0..50_000 {
                    if rng.bool() && held < 12 {
                        if permits.try_take() {
                            held += 1;
                            assert!(out.fetch_add(1, Ordering::Relaxed) < limit.into());
                        } else {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                    } else if held > 0 {
                        held -= 1;
                        out.fetch_sub(1, Ordering::Relaxed);
                        permits.give_back();
                    }
                }
                for _ in 0..held {
                    out.fetch_sub(1, Ordering::Relaxed);
                    permits.give_back();
                }
            });
        }
    });
    assert_eq!(permits.snapshot(), quiet(limit));
    assert_eq!((0..50).filter(|_| permits.try_take()).count(), 24, "none was lost or made");
}
