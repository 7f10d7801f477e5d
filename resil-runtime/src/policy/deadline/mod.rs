//! The deadline: one bound over all attempts and waits.

pub(crate) mod in_force;
mod within;

pub use crate::context::Due;
#[cfg(any(feature = "tower", feature = "tonic"))]
pub(crate) use within::begin;
pub use within::{remaining, within};

use crate::context::{self, Bound};
#[cfg(feature = "config")]
use crate::registry::in_force::Subject;
use crate::registry::{Handle, States, Written};
use crate::{Error, Site};
use std::time::Duration;

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
pub struct Deadline(Bound);

impl Deadline {
    /// A bound that counts from [`start`](Self::start).
    pub const fn within(limit: Duration) -> Self {
        Self(Bound { limit, site: &Site::UNKNOWN })
    }

    /// The place named in errors and events.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.0.site = site;
        self
    }

    /// Starts the clock. If a caller's deadline is nearer, that one counts.
    pub fn start(&'static self) -> Due {
        self.start_for(self.0.in_force())
    }

    /// The same for a limit that is not quite its own.
    #[inline]
    fn start_for(&'static self, limit: Duration) -> Due {
        let own = Due::after(limit, &self.0);
        Due::nearer(Some(own), context::deadline()).unwrap_or(own)
    }
}

impl Handle for Deadline {
    fn written(&self) -> Written {
        self.0.written()
    }

    fn out_of_range(&self) -> Option<String> {
        let Bound { limit, site } = self.0;
        limit.is_zero().then(|| format!("the deadline of {site} is zero: no call can meet it; write \"30s\""))
    }

    fn deadline(&self) -> Option<Duration> {
        Some(self.0.limit)
    }

    fn set_up(&self, states: &States) -> Result<(), Error> {
        self.0.set_up(states);
        Ok(())
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        self.0.subject()
    }
}
