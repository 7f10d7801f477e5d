//! The deadline: one bound over all attempts and waits.

mod within;

pub use within::{remaining, within};

use crate::registry::{Handle, Written, events};
use crate::{Error, Site, clock, context};
use std::time::Duration;
use tokio::time::Instant;

/// One bound over all attempts and waits: what `#[deadline]` expands to.
///
/// A nested annotated call gets the smaller of its own deadline and what remains of its caller's.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use resil::{Attempt, Deadline, Error, Failure};
/// use std::time::Duration;
///
/// static DEADLINE: Deadline = Deadline::within(Duration::from_secs(30));
///
/// let deadline = DEADLINE.start();
/// let outcome = Attempt::new(std::future::pending::<Result<(), Error>>()).within(deadline).await;
/// assert!(matches!(outcome, Err(Failure::Policy(Error::DeadlineExceeded { attempted: true, .. }))));
/// # }
/// ```
#[must_use = "a deadline bounds nothing until it is started"]
#[derive(Debug, Clone)]
pub struct Deadline {
    limit: Duration,
    site: &'static Site,
}

impl Deadline {
    /// A bound that counts from [`start`](Self::start).
    pub const fn within(limit: Duration) -> Self {
        Self { limit, site: &Site::UNKNOWN }
    }

    /// The place named in errors and events.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    /// Starts the clock. If a caller's deadline is nearer, that one counts.
    pub fn start(&'static self) -> Due {
        self.start_for(self.limit)
    }

    /// The same for a limit that is not quite its own.
    #[inline]
    fn start_for(&'static self, limit: Duration) -> Due {
        let own = Due { at: clock::after(clock::instant(), limit), of: self };
        Due::nearer(Some(own), context::deadline()).unwrap_or(own)
    }
}

impl Handle for Deadline {
    fn written(&self) -> Written {
        let settings = vec![("within", format!("{:?}", self.limit))];
        Written { kind: "deadline", name: None, site: self.site, settings }
    }

    fn out_of_range(&self) -> Option<String> {
        let site = self.site;
        self.limit.is_zero().then(|| format!("the deadline of {site} is zero: no call can meet it; write \"30s\""))
    }

    fn deadline(&self) -> Option<Duration> {
        Some(self.limit)
    }
}

/// The moment a [`Deadline`] ends at.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    pub(crate) at: Instant,
    of: &'static Deadline,
}

impl Due {
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
        let least = clock::after(clock::instant(), LEAST.max(self.of.limit / 10));
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
        let Deadline { site, limit } = *self.of;
        events::deadline(site, limit, attempted, cut_short);
        Error::DeadlineExceeded { site, limit, attempted, cut_short }
    }
}
