//! Where free permits are while threads get into each other's way.

use crate::sync::{AtomicU64, Ordering};

pub(super) const SHARDS: usize = if cfg!(resil_loom) { 2 } else { 16 };

/// A number of free permits on cache lines of its own, or negative while the shard is closed.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shard(AtomicU64);

/// What is given to a closed shard is added to this, and counts for nothing: the giver sees it, and gives elsewhere.
const CLOSED: i64 = i64::MIN;

impl Shard {
    pub(super) fn closed() -> Self {
        Self(AtomicU64::new(CLOSED.cast_unsigned()))
    }

    /// Takes a permit, if one is here.
    #[inline]
    pub(super) fn take(&self) -> bool {
        let mut word = self.0.load(Ordering::Relaxed);
        while word.cast_signed() > 0 {
            match self.0.compare_exchange_weak(word, word - 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Gives a permit back, unless the shard is closed.
    #[inline]
    #[must_use]
    pub(super) fn give(&self) -> bool {
        self.0.fetch_add(1, Ordering::Release).cast_signed() >= 0
    }

    /// With the lock, if it is closed.
    pub(super) fn open(&self, share: i64) {
        self.0.swap(share.cast_unsigned(), Ordering::AcqRel);
    }

    /// With the lock, if it is open: takes all that are here.
    pub(super) fn close(&self) -> i64 {
        self.0.swap(CLOSED.cast_unsigned(), Ordering::AcqRel).cast_signed()
    }
}

/// Which shards are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open(u16);

impl Open {
    pub(super) const NONE: Self = Self(0);

    pub(super) fn and(self, thread: usize) -> Self {
        Self(self.0 | 1 << (thread % SHARDS))
    }

    pub(super) fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Those of all.
    pub(super) fn of(self, shards: &[Shard; SHARDS]) -> impl Iterator<Item = &Shard> {
        shards.iter().enumerate().filter(move |(number, _)| self.0 >> number & 1 == 1).map(|(_, shard)| shard)
    }
}
