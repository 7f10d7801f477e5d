//! A lease on this side: until when no other worker can have taken the intent.

use crate::clock;
use crate::sync::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// It ends no later than in the database, where it begins when the statement arrives and not when it was sent.
#[derive(Debug)]
pub(crate) struct Lease {
    length: Duration,
    began: Instant,
    /// Nanoseconds after `began`.
    ends: AtomicU64,
}

impl Lease {
    /// One that was asked for at this moment.
    pub(crate) fn asked_for(asked: Instant, length: Duration) -> Self {
        Self { length, began: asked, ends: AtomicU64::new(clock::nanos(length)) }
    }

    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    /// It was extended by a statement sent at this moment.
    pub(crate) fn extended(&self, asked: Instant) {
        let ends = asked.saturating_duration_since(self.began) + self.length;
        self.ends.store(clock::nanos(ends), Ordering::Relaxed);
    }

    pub(crate) fn ends(&self) -> Instant {
        clock::after(self.began, Duration::from_nanos(self.ends.load(Ordering::Relaxed)))
    }

    /// How long it lasts from now on.
    pub(crate) fn left(&self) -> Duration {
        self.ends().saturating_duration_since(clock::instant())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left().is_zero()
    }
}
