//! How much time there is, and who says so.

use crate::registry::in_force::{Live, Own};
use crate::registry::{States, events};
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

/// The longest time for a whole call: as written, and as it is in force.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) written: Bound,
    /// Whether it is one of the program's, and not one that is made while the program runs.
    pub(crate) is_set_outside: bool,
    own: Own<LimitInForce>,
}

#[derive(Debug)]
pub(crate) struct LimitInForce(pub(crate) Live);

impl Limit {
    pub(crate) const fn new(limit: Duration, site: &'static Site) -> Self {
        Self { written: Bound { limit, site }, is_set_outside: true, own: Own::new() }
    }

    /// What is in force of it.
    #[inline]
    pub(crate) fn now(&self) -> Duration {
        self.own.or(|| self.written.limit, || self.in_force())
    }

    #[cold]
    #[inline(never)]
    fn in_force(&self) -> Option<Duration> {
        self.own.look(self, || self.as_written()).map(|LimitInForce(now)| now.time())
    }

    pub(crate) fn set_up(&self, states: &States) {
        self.own.set_up(states, self, || self.as_written());
    }

    fn as_written(&self) -> LimitInForce {
        LimitInForce(Live::new(Some(self.written.limit)))
    }
}

/// The moment a [`Deadline`](crate::Deadline) ends at.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    pub(crate) at: Instant,
    of: &'static Limit,
}

impl Due {
    /// That of a bound which begins now, but with this limit, which is not quite its own.
    #[inline]
    pub(crate) fn after(limit: Duration, of: &'static Limit) -> Self {
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
        let least = clock::after(clock::instant(), LEAST.max(self.of.now() / 10));
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
        let (site, limit) = (self.of.written.site, self.of.now());
        events::deadline(site, limit, attempted, cut_short);
        Error::DeadlineExceeded { site, limit, attempted, cut_short }
    }
}
