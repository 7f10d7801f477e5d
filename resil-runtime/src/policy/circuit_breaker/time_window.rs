//! The calls of the last so much time, in ten buckets.
//!
//! Most calls are fast successes, and most of those change no decision. They are counted in [`TimeWindow`],
//! without a lock, and move to the [`Buckets`], which a lock guards, when something is to be decided.

use super::{Judged, Tally};
use crate::sync::{AtomicU64, Ordering, thread_number};

const BUCKETS: usize = 10;
const SHARDS: usize = 4;
const COUNT_BITS: u32 = 40;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

/// The fast successes since the last decision, counted without a lock.
#[derive(Debug)]
pub(super) struct TimeWindow {
    /// Until then no fast success can change a decision, nor belongs to another bucket.
    quiet_until: AtomicU64,
    shards: [Shard; SHARDS],
}

/// A count on cache lines of its own, so that threads do not wait for each other. It is stamped with the
/// generation that counts, or a late success could slip into the next one. The stamp has 24 bits: it would take
/// 16 million states during one call to mistake one for another.
#[derive(Debug)]
#[repr(align(128))]
struct Shard(AtomicU64);

impl TimeWindow {
    /// Nothing counted, and the first call decides.
    pub(super) fn new() -> Self {
        Self { quiet_until: AtomicU64::new(0), shards: std::array::from_fn(|_| Shard(AtomicU64::new(0))) }
    }

    /// Counts a fast success, unless it is the lock's business. True also if the generation is over: then
    /// nothing is left to do.
    #[inline]
    pub(super) fn add(&self, generation: u32, now: u64) -> bool {
        if now >= self.quiet_until.load(Ordering::Acquire) {
            return false;
        }
        let shard = &self.shards[thread_number() % SHARDS].0;
        let mut word = shard.load(Ordering::Relaxed);
        while word & !COUNT == stamp(generation) {
            match shard.compare_exchange_weak(word, word + 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => break,
                Err(current) => word = current,
            }
        }
        true
    }

    /// Takes the successes counted so far and stamps the shards with the generation to count from now on.
    /// The holder of the lock calls it.
    pub(super) fn drain(&self, generation: u32) -> u64 {
        let drain = |Shard(shard): &Shard| shard.swap(stamp(generation), Ordering::AcqRel) & COUNT;
        self.shards.iter().map(drain).sum()
    }

    /// Lets fast successes be counted without a lock until then. The holder of the lock calls it.
    pub(super) fn stay_quiet_until(&self, time: u64) {
        self.quiet_until.store(time, Ordering::Release);
    }
}

fn stamp(generation: u32) -> u64 {
    u64::from(generation) << COUNT_BITS
}

/// The ten buckets and their sum.
#[derive(Debug)]
pub(super) struct Buckets {
    width: u64,
    /// The number of the current bucket since the beginning of time.
    current: u64,
    ring: [Tally; BUCKETS],
    total: Tally,
}

impl Buckets {
    /// Empty buckets that together span `nanos`.
    pub(super) fn new(nanos: u64) -> Self {
        Self { width: (nanos / BUCKETS as u64).max(1), current: 0, ring: Default::default(), total: Tally::default() }
    }

    /// Moves on to the bucket of `now` and forgets those that are too old.
    pub(super) fn advance(&mut self, now: u64) {
        let passed = (now / self.width).saturating_sub(self.current);
        for step in 1..=passed.min(BUCKETS as u64) {
            let old = std::mem::take(self.bucket(self.current + step));
            self.total.calls -= old.calls;
            self.total.failures -= old.failures;
            self.total.slow -= old.slow;
        }
        self.current += passed;
    }

    /// Adds a call to the current bucket.
    pub(super) fn record(&mut self, call: Judged) {
        self.bucket(self.current).add(call);
        self.total.add(call);
    }

    /// Adds fast successes to the current bucket.
    pub(super) fn record_successes(&mut self, number: u64) {
        self.bucket(self.current).calls += number;
        self.total.calls += number;
    }

    /// The calls in all ten buckets.
    pub(super) fn tally(&self) -> Tally {
        self.total
    }

    /// The buckets, the oldest first.
    #[cfg(feature = "dashboard")]
    pub(super) fn cells(&self) -> Vec<Tally> {
        // The place of the next is that of the oldest.
        let ages = 1..=BUCKETS as u64;
        ages.map(|age| self.ring[place(self.current.wrapping_add(age))]).collect()
    }

    /// When the current bucket ends.
    pub(super) fn current_ends(&self) -> u64 {
        self.current.saturating_add(1).saturating_mul(self.width)
    }

    /// Forgets every call.
    pub(super) fn clear(&mut self) {
        self.ring = Default::default();
        self.total = Tally::default();
    }

    fn bucket(&mut self, number: u64) -> &mut Tally {
        &mut self.ring[place(number)]
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder of ten")]
fn place(number: u64) -> usize {
    (number % BUCKETS as u64) as usize
}
