use crate::clock::nanos;
use crate::sync::{AtomicU64, Ordering};
use std::time::Duration;

/// A bound in one word, so that a call reads it without a lock while it is changed.
#[derive(Debug)]
pub(crate) struct Live(AtomicU64);

/// There is no bound.
const NONE: u64 = u64::MAX;

impl Live {
    pub(crate) fn new(time: Option<Duration>) -> Self {
        Self(AtomicU64::new(word(time)))
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<Duration> {
        let word = self.0.load(Ordering::Relaxed);
        (word != NONE).then(|| Duration::from_nanos(word))
    }

    /// The bound; zero if there is none.
    #[inline]
    pub(crate) fn time(&self) -> Duration {
        self.get().unwrap_or_default()
    }

    #[cfg(feature = "config")]
    pub(crate) fn set(&self, time: Option<Duration>) {
        self.0.store(word(time), Ordering::Relaxed);
    }
}

fn word(time: Option<Duration>) -> u64 {
    time.map_or(NONE, |time| nanos(time).min(NONE - 1))
}
