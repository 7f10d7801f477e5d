//! The one word that decides who takes a permit.

use crate::sync::{AtomicU64, Ordering};

/// The number of free permits, less [`WAITED_FOR`] while somebody waits.
///
/// So whoever finds it positive may take a permit, and nobody overtakes a waiter. A limit that was lowered below what
/// is in use leaves fewer than none free. Every change is a read-modify-write, so that a taker sees all that those
/// before it did with the permit.
///
/// The methods marked *locked* are for the holder of the line's lock. Beside it, others can only give permits back
/// while somebody waits, and take and give them while nobody does.
#[derive(Debug)]
pub(super) struct Balance(AtomicU64);

/// More than twice the largest limit, so that neither a surplus nor a shortage of permits can hide it.
const WAITED_FOR: i64 = 1 << 40;

impl Balance {
    #[inline]
    pub(super) fn new(limit: u32) -> Self {
        Self(AtomicU64::new(limit.into()))
    }

    /// Takes a permit, if one is free and nobody waits.
    #[inline]
    pub(super) fn take(&self) -> bool {
        self.take_beyond(0)
    }

    /// The same, if more than so many are free.
    #[inline]
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

    /// The number of free permits; negative if more are out than the limit allows.
    pub(super) fn free(&self) -> i64 {
        let word = self.0.load(Ordering::Relaxed).cast_signed();
        if is_waited_for(word) { word + WAITED_FOR } else { word }
    }
}

#[inline]
fn is_waited_for(word: i64) -> bool {
    word < -WAITED_FOR / 2
}

#[inline]
fn owed(word: i64) -> bool {
    is_waited_for(word) && word > -WAITED_FOR
}
