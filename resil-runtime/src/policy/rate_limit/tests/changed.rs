//! Another rate or burst: no token is lost by it, and none is made.

use super::super::{Bucket, Gcra};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Waker;

#[test]
fn what_is_owed_is_paid_off_at_the_new_rate_and_what_is_there_stays() {
    let old = Gcra::new(1_000, 100);
    for (taken, interval, burst, left) in [
        (0, 10, 100, 100),
        (30, 10, 100, 70),
        (30, 9_999, 100, 70),
        // A larger one has more at once, a smaller one what it can hold.
        (30, 1_000, 150, 120),
        (30, 1_000, 80, 70),
        (30, 1_000, 50, 50),
        (30, 60_000, 1, 1),
        (100, 10, 50, 0),
        // A debt stays one.
        (250, 10, 100, -150),
        (250, 1_000, 50, -150),
    ] {
        let bucket = Bucket::new();
        if taken > 0 {
            assert_eq!(bucket.take(&old, taken, 5_000), Ok(()));
        }
        let new = Gcra::new(interval, burst);
        assert!(bucket.change(&old, new, 5_000));
        assert_eq!(bucket.tokens(&old, 5_000), left, "{taken} {interval} {burst}");
        assert!(!bucket.change(&old, new, 5_000), "it is the same");
        if left < 1 {
            let wait = (1 - left).unsigned_abs() * interval;
            assert_eq!(bucket.take(&old, 1, 5_000), Err(wait));
            assert_eq!(bucket.take(&old, 1, 5_000 + wait), Ok(()));
        }
    }
}

#[test]
fn who_waits_keeps_the_place_and_is_told_the_new_time() {
    let (old, new) = (Gcra::new(1_000, 1), Gcra::new(10, 1));
    let bucket = Bucket::new();
    assert_eq!(bucket.take(&old, 1, 0), Ok(()));
    let tickets: Vec<_> = (0..3).filter_map(|_| bucket.join(&old, 1, 0, Waker::noop().clone())).collect();
    assert_eq!(bucket.wait(&old, 1, 0), 4_000);
    assert!(bucket.change(&old, new, 0));
    assert_eq!(bucket.wait(&old, 1, 0), 40);
    assert!(bucket.take(&old, 1, 10).is_err(), "nobody overtakes");
    for (place, ticket) in (1..).zip(tickets) {
        let turn = bucket.turn(&old, ticket, 1, (0, place * 10), Waker::noop().clone());
        assert_eq!(turn, super::super::bucket::Turn::Now);
    }
    assert_eq!((bucket.take(&old, 1, 39), bucket.take(&old, 1, 40)), (Err(1), Ok(())));
}

#[test]
fn while_others_take_nothing_is_lost_or_made() {
    const TOKENS: u32 = 200_000;
    const NOW: u64 = 1 << 40;
    let (gcra, bucket) = (Gcra::new(16, TOKENS), Bucket::new());
    let (taken, has_ended) = (AtomicU32::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let takers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..TOKENS / 4 {
                        if bucket.take(&gcra, 1, NOW).is_ok() {
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            // Multiples, so that nothing is rounded.
            for interval in [32, 64, 16].into_iter().cycle() {
                bucket.change(&gcra, Gcra::new(interval, TOKENS), NOW);
                if has_ended.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let ends: Vec<_> = takers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        has_ended.store(true, Ordering::Relaxed);
        assert!(ends.iter().all(Result::is_ok));
    });
    assert_eq!(i64::from(taken.into_inner()) + bucket.tokens(&gcra, NOW), i64::from(TOKENS));
}
