//! What the calls of one function have come to: counted by each thread on a cache line of its own, mostly.

use super::{is_timing, is_wanted};
use crate::registry::Outcome;
use crate::sync::thread_number;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const SHARDS: usize = 4;
const OUTCOMES: usize = Outcome::ALL.len();
/// A time is told apart from another by a fifth of it: four buckets for each doubling.
const BUCKETS: usize = 4 * 44;

/// Of one call site. Holds nothing until somebody wants to know.
#[derive(Debug)]
pub(crate) struct Cells(OnceLock<Box<[Shard; SHARDS]>>);

#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    outcomes: [AtomicU64; OUTCOMES],
    attempts: AtomicU64,
    times: [AtomicU64; BUCKETS],
}

/// All that was counted, and what has not been told of the times.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) outcomes: [u64; OUTCOMES],
    pub(super) attempts: u64,
}

impl Cells {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    #[inline]
    pub(crate) fn count(&self, outcome: Outcome, attempts: u32, elapsed: Duration) {
        if !is_wanted() {
            return;
        }
        let shard = &self.shards()[thread_number() % SHARDS];
        shard.outcomes[outcome.index()].fetch_add(1, Ordering::Relaxed);
        shard.attempts.fetch_add(u64::from(attempts), Ordering::Relaxed);
        if is_timing() {
            shard.times[bucket(elapsed)].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn shards(&self) -> &[Shard; SHARDS] {
        self.0.get_or_init(|| {
            let zero = |_| AtomicU64::new(0);
            let shard = |_| Shard {
                outcomes: std::array::from_fn(zero),
                attempts: AtomicU64::new(0),
                times: std::array::from_fn(zero),
            };
            Box::new(std::array::from_fn(shard))
        })
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals { outcomes: [0; OUTCOMES], attempts: 0 };
        for shard in self.0.get().into_iter().flat_map(|shards| shards.iter()) {
            for (total, outcome) in totals.outcomes.iter_mut().zip(&shard.outcomes) {
                *total += outcome.load(Ordering::Relaxed);
            }
            totals.attempts += shard.attempts.load(Ordering::Relaxed);
        }
        totals
    }

    /// The times that were counted since it was last asked: seconds, and how many calls took about so long.
    pub(super) fn take_times(&self) -> Vec<(f64, u64)> {
        let Some(shards) = self.0.get() else { return Vec::new() };
        let taken = |bucket: usize| shards.iter().map(|shard| shard.times[bucket].swap(0, Ordering::Relaxed)).sum();
        (0..BUCKETS).map(|bucket| (seconds(bucket), taken(bucket))).filter(|(_, calls)| *calls > 0).collect()
    }
}

/// Below 128 ns all are one; above an hour or so as well.
fn bucket(elapsed: Duration) -> usize {
    let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX).max(128);
    let doublings = nanos.ilog2();
    let quarter = (nanos >> (doublings - 2)) & 0b11;
    let bucket = u64::from(doublings - 7) * 4 + quarter;
    usize::try_from(bucket).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The middle of a bucket.
fn seconds(bucket: usize) -> f64 {
    let doublings = i32::try_from(bucket / 4).unwrap_or(0) + 7;
    let quarter = f64::from(u32::try_from(bucket % 4).unwrap_or(0));
    2_f64.powi(doublings) * (1.125 + quarter / 4.0) / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_known_by_an_eighth_of_it() {
        let mut nanos = 128_u64;
        while nanos < 3_600_000_000_000 {
            let (time, told) =
                (Duration::from_nanos(nanos).as_secs_f64(), seconds(bucket(Duration::from_nanos(nanos))));
            assert!((told - time).abs() <= time / 8.0, "{time} is told as {told}");
            nanos += nanos / 7;
        }
        assert_eq!((bucket(Duration::ZERO), bucket(Duration::MAX)), (0, BUCKETS - 1));
    }
}
