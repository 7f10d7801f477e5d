use super::attempt::Attempt;
use crate::Site;
use std::time::Duration;

/// Bounds on one attempt: what `#[timeout]` expands to.
///
/// The attempt's bound counts from the moment the body first waits, whatever its phases do. `connect` bounds each
/// connection and is enforced by the connector itself ([`net::connect`](crate::net::connect) or the reqwest layer);
/// `read` bounds each silence on an established connection.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use resil::{Error, Failure, Phase, Timeout};
/// use std::time::Duration;
///
/// static TIMEOUT: Timeout = Timeout::attempt(Duration::from_secs(5)).read(Duration::from_secs(1));
///
/// let outcome = TIMEOUT.apply(std::future::pending::<Result<(), Error>>()).await;
/// let Err(Failure::Policy(Error::Timeout { phase, .. })) = outcome else { unreachable!() };
/// assert_eq!(phase, Phase::Read);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Timeout {
    bounds: Bounds,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) attempt: Option<Duration>,
    pub(super) connect: Option<Duration>,
    pub(super) read: Option<Duration>,
    pub(super) site: &'static Site,
}

impl Bounds {
    pub(super) const NONE: Self = Self { attempt: None, connect: None, read: None, site: &Site::UNKNOWN };

    /// Whether the attempt watches its phases, for which it needs a frame.
    pub(super) fn phases(&self) -> bool {
        self.connect.is_some() || self.read.is_some()
    }
}

impl Timeout {
    /// Bounds the whole attempt.
    pub const fn attempt(limit: Duration) -> Self {
        let mut timeout = Self::phases();
        timeout.bounds.attempt = Some(limit);
        timeout
    }

    /// Bounds phases only; the whole is left to a [`Deadline`](crate::Deadline).
    pub const fn phases() -> Self {
        Self { bounds: Bounds::NONE }
    }

    /// The longest wait for a connection. Recommended: 1 to 5 s.
    pub const fn connect(mut self, limit: Duration) -> Self {
        self.bounds.connect = Some(limit);
        self
    }

    /// The longest silence while waiting for data on an established connection. Recommended: 5 to 30 s.
    pub const fn read(mut self, limit: Duration) -> Self {
        self.bounds.read = Some(limit);
        self
    }

    /// The place named in errors and events.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.bounds.site = site;
        self
    }

    /// Runs one attempt within these bounds.
    pub fn apply<F>(&self, body: F) -> Attempt<F> {
        Attempt::bounded(body, self)
    }

    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }
}
