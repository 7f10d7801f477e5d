use crate::context::{self, Due};
use crate::{Site, clock};
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
    pub fn start(&self) -> Due {
        let own = Due { at: clock::after(clock::instant(), self.limit), limit: self.limit, site: self.site };
        Due::nearer(Some(own), context::deadline()).unwrap_or(own)
    }
}
