//! The one word that decides who takes a permit.

use crate::sync::{AtomicU64, Ordering};

/// The number of free permits, less [`WAITED_FOR`] while somebody waits, or less [`SPREAD`] while shards hold others.
///
/// So whoever finds it positive may take a permit, and nobody overtakes a waiter. A limit that was lowered below what
/// is in use leaves fewer than none free. Every change is a read-modify-write, so that a taker sees all that those
/// before it did with the permit.
///
/// The methods marked *locked* are for the holder of the line's lock. Beside it, others can only give permits back
/// while somebody waits or permits are spread, and take and give them otherwise.
#[derive(Debug)]
pub(super) struct Balance(AtomicU64);

/// More than twice the largest limit, so that neither a surplus nor a shortage of permits can hide it.
const WAITED_FOR: i64 = 1 << 40;

/// Beyond what the other two can come to together.
const SPREAD: i64 = 1 << 50;

/// What a look for a permit has come to.
pub(super) enum Take {
    Taken,
    /// None is free, or somebody waits.
    Refused,
    /// Another thread was at the word in that moment.
    Contended,
    /// The shards have them.
    Spread,
}

impl Balance {
    #[inline]
    pub(super) fn new(limit: u32) -> Self {
        Self(AtomicU64::new(limit.into()))
    }

    /// Takes a permit, if one is free and nobody waits. Tries once.
    #[inline]
    pub(super) fn take(&self) -> Take {
        let word = self.0.load(Ordering::Relaxed);
        if word.cast_signed() <= 0 {
            return if is_spread(word.cast_signed()) { Take::Spread } else { Take::Refused };
        }
        match self.0.compare_exchange(word, word - 1, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Take::Taken,
            Err(_) => Take::Contended,
        }
    }

    /// Takes a permit, if more than so many are free and nobody waits. While they are spread, none is.
    #[cfg(feature = "tower")]
    pub(super) fn take_beyond(&self, reserved: u32) -> bool {
        let mut word = self.0.load(Ordering::Relaxed);
        while word.cast_signed() > i64::from(reserved) {
            match self.0.compare_exchange_weak(word, word - 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Gives a permit back. `true` if it is [owed](Self::is_owed), and then the caller must see to it.
    #[inline]
    #[must_use]
    pub(super) fn give(&self) -> bool {
        owed(self.0.fetch_add(1, Ordering::Release).cast_signed() + 1)
    }

    /// *Locked*, with nobody in the line: takes a permit if one is free, and if none is, announces the first waiter.
    pub(super) fn take_or_announce(&self) -> bool {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let takes = word.cast_signed() > 0;
            let next = word.wrapping_sub(if takes { 1 } else { WAITED_FOR.cast_unsigned() });
            match self.0.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return takes,
                Err(now) => word = now,
            }
        }
    }

    /// *Locked*, with nobody in the line: takes an equal share for each of so many shards, and says so in the word. `None`
    /// if that would be less than `least` for each.
    pub(super) fn spread(&self, shards: u32, least: i64) -> Option<i64> {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let share = word.cast_signed() / i64::from(shards);
            if share < least {
                return None;
            }
            let next = word.cast_signed() - share * i64::from(shards) - SPREAD;
            match self.0.compare_exchange_weak(word, next.cast_unsigned(), Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(share),
                Err(now) => word = now,
            }
        }
    }

    /// *Locked*, while they are spread: puts back what the shards had.
    pub(super) fn gather(&self, free: i64) {
        self.0.fetch_add((free + SPREAD).cast_unsigned(), Ordering::Release);
    }

    /// Whether shards hold permits.
    #[inline]
    pub(super) fn is_spread(&self) -> bool {
        is_spread(self.0.load(Ordering::Relaxed).cast_signed())
    }

    /// *Locked*: takes the permit that is owed to a waiter.
    pub(super) fn take_owed(&self) {
        self.0.fetch_sub(1, Ordering::Acquire);
    }

    /// *Locked*: nobody waits any more.
    pub(super) fn line_is_empty(&self) {
        self.0.fetch_add(WAITED_FOR.cast_unsigned(), Ordering::Relaxed);
    }

    /// *Locked*: adds permits, or with a negative number takes them away. `true` as in [`give`](Self::give).
    #[must_use]
    pub(super) fn change(&self, by: i64) -> bool {
        owed(self.0.fetch_add(by.cast_unsigned(), Ordering::Relaxed).cast_signed() + by)
    }

    /// Whether a permit is free and somebody waits for it.
    ///
    /// Whoever makes it so, by a change of its own, hands permits over until it is so no more.
    #[inline]
    pub(super) fn is_owed(&self) -> bool {
        owed(self.0.load(Ordering::Relaxed).cast_signed())
    }

    /// *Locked*, while they are not spread: the number of free permits; negative if more are out than the limit allows.
    pub(super) fn free(&self) -> i64 {
        let word = self.0.load(Ordering::Relaxed).cast_signed();
        if is_waited_for(word) { word + WAITED_FOR } else { word }
    }
}

#[inline]
fn is_spread(word: i64) -> bool {
    word < -SPREAD / 2
}

#[inline]
fn is_waited_for(word: i64) -> bool {
    word < -WAITED_FOR / 2
}

#[inline]
fn owed(word: i64) -> bool {
    is_waited_for(word) && word > -WAITED_FOR
}
