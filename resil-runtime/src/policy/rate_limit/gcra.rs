//! The generic cell rate algorithm, with time passed in.

use crate::clock::Nanos;

/// A bucket of `burst` tokens into which one comes every `interval`.
///
/// Its whole state is a moment: when it will be full again. A bucket whose moment has passed is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gcra {
    /// How long one token takes, rounded up: the rate is never exceeded.
    pub(super) interval: Nanos,
    /// How long an empty bucket takes.
    whole: Nanos,
    /// All ones; zero where tokens do not come by time.
    runs: u64,
}

/// The latest moment there is, so that three bits of a word are left.
pub(super) const LATEST: Nanos = (1 << 61) - 1;

impl Gcra {
    pub(super) const fn new(interval: Nanos, burst: u32) -> Self {
        let whole = interval.saturating_mul(burst as u64);
        Self { interval, whole: if whole < LATEST { whole } else { LATEST }, runs: u64::MAX }
    }

    /// Of tokens that are put in by hand. Who waits for one looks again after the interval.
    pub(super) const TOKENS: Self = Self { runs: 0, ..Self::new(10_000_000, u32::MAX) };

    /// When the bucket is full again that takes over what an `old` one lacks, in tokens: they come at the new rate. Where it is smaller,
    /// it lacks as much less.
    #[cfg(any(feature = "config", test))]
    pub(super) fn taking_over(&self, old: &Self, full_at: Nanos, now: Nanos) -> Nanos {
        let smaller_by = (old.whole / old.interval).saturating_sub(self.whole / self.interval);
        let missing = full_at.saturating_sub(now).saturating_sub(old.interval.saturating_mul(smaller_by));
        now.saturating_add(self.time_in(old, missing)).min(LATEST)
    }

    /// How long what takes another one so long takes this one.
    #[cfg(any(feature = "config", test))]
    pub(super) fn time_in(&self, old: &Self, time: Nanos) -> Nanos {
        let time = (u128::from(time) * u128::from(self.interval)).div_ceil(old.interval.into());
        Nanos::try_from(time).unwrap_or(LATEST)
    }

    /// The moment of an empty bucket for which time stands still.
    pub(super) const fn empty(&self) -> Nanos {
        self.whole
    }

    /// The moment that counts.
    #[inline]
    pub(super) const fn moment(&self, now: Nanos) -> Nanos {
        now & self.runs
    }

    /// Takes so many tokens: when the bucket is full again then, or how long until they are there.
    ///
    /// More than the bucket holds are given when it is full, and are owed.
    #[inline]
    pub(super) const fn take(&self, full_at: Nanos, cost: u32, now: Nanos) -> Result<Nanos, Nanos> {
        let now = self.moment(now);
        let takes = self.time_of(cost);
        let begins = if full_at > now { full_at } else { now };
        let needs = if takes < self.whole { takes } else { self.whole };
        let missing = (begins - now + needs).saturating_sub(self.whole);
        if missing > 0 {
            return Err(missing);
        }
        let next = begins.saturating_add(takes);
        Ok(if next < LATEST { next } else { LATEST })
    }

    /// How long so many tokens take to come.
    #[inline]
    pub(super) const fn time_of(&self, cost: u32) -> Nanos {
        self.interval.saturating_mul(cost as u64)
    }

    /// How many tokens are there; negative if some are owed.
    pub(super) fn tokens(&self, full_at: Nanos, now: Nanos) -> i64 {
        let missing = full_at.saturating_sub(self.moment(now));
        let held = (self.whole / self.interval).cast_signed();
        held.saturating_sub(missing.div_ceil(self.interval).cast_signed())
    }
}
