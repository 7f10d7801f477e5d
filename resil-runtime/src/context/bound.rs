//! How much time there is, and who says so.

use crate::registry::events;
use crate::{Error, Site, clock};
use std::time::Duration;
use tokio::time::Instant;

/// The longest time for something, a connection or a whole call, and whose bound it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) limit: Duration,
    pub(crate) site: &'static Site,
}

impl Bound {
    /// The nearer of two; of equal ones the first.
    pub(super) fn nearer(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.limit < a.limit { b } else { a }),
            (a, b) => a.or(b),
        }
    }
}

/// The moment a [`Deadline`](crate::Deadline) ends at.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    pub(crate) at: Instant,
    of: &'static Bound,
}

impl Due {
    /// That of a bound which begins now, but with this limit, which is not quite its own.
    #[inline]
    pub(crate) fn after(limit: Duration, of: &'static Bound) -> Self {
        Self { at: clock::after(clock::instant(), limit), of }
    }

    /// The nearer of two.
    pub(crate) fn nearer(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.at < a.at { b } else { a }),
            (a, b) => a.or(b),
        }
    }

    /// What is left of it; zero when it has passed.
    pub fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(clock::instant())
    }

    /// The deadline of a fallback, which may begin after this one has passed: what remains of it, and at least a tenth of
    /// the whole or 100 ms.
    pub(crate) fn for_fallback(&self) -> Self {
        const LEAST: Duration = Duration::from_millis(100);
        let least = clock::after(clock::instant(), LEAST.max(self.of.in_force() / 10));
        Self { at: self.at.max(least), of: self.of }
    }

    /// It has passed before anything was attempted.
    pub(crate) fn refused(&self) -> Error {
        self.exceeded(false, false)
    }

    /// It has passed during an attempt, which it may have cut short.
    pub(crate) fn ended(&self, cut_short: bool) -> Error {
        self.exceeded(true, cut_short)
    }

    fn exceeded(&self, attempted: bool, cut_short: bool) -> Error {
        let (site, limit) = (self.of.site, self.of.in_force());
        events::deadline(site, limit, attempted, cut_short);
        Error::DeadlineExceeded { site, limit, attempted, cut_short }
    }
}
