//! The deadline: one bound over all attempts and waits.

mod within;

pub use crate::context::Due;
pub use within::{remaining, within};

use crate::Site;
use crate::context::{self, Bound};
use crate::registry::{Handle, Written};
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
        self.start_for(self.0.limit)
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
        let settings = vec![("within", format!("{:?}", self.0.limit))];
        Written { kind: "deadline", name: None, site: self.0.site, settings }
    }

    fn out_of_range(&self) -> Option<String> {
        let site = self.0.site;
        self.0.limit.is_zero().then(|| format!("the deadline of {site} is zero: no call can meet it; write \"30s\""))
    }

    fn deadline(&self) -> Option<Duration> {
        Some(self.0.limit)
    }
}
