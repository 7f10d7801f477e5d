//! The timeout: bounds on one attempt and on its phases.

mod dial;
pub(crate) mod in_force;
mod settings;

pub use dial::Dial;
use in_force::InForce;
pub use settings::Settings;

use crate::context::{Bound, Frame};
use crate::policy::attempt::Attempt;
use crate::registry::in_force::Own;
#[cfg(feature = "config")]
use crate::registry::in_force::Subject;
use crate::registry::{Handle, Registry, States, Written, events};
use crate::{Error, Phase, Site};
use std::num::NonZeroU32;
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
#[must_use = "a timeout bounds nothing until it is applied"]
#[derive(Debug, Clone)]
pub struct Timeout {
    bounds: Bounds,
    own: Own<InForce>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) attempt: Option<Duration>,
    pub(super) connect: Option<Duration>,
    pub(super) read: Option<Duration>,
    /// The same for the requests within, as their timers count.
    pub(super) read_millis: Option<NonZeroU32>,
    pub(super) site: &'static Site,
}

impl Bounds {
    pub(super) const NONE: Self =
        Self { attempt: None, connect: None, read: None, read_millis: None, site: &Site::UNKNOWN };

    /// From here on it is the partner's failure when a deadline ends the attempt. A tenth less than the bound, since a
    /// deadline as long as the bound begins earlier.
    pub(super) fn enough(&self) -> Duration {
        self.attempt.or(self.read).unwrap_or(Duration::from_secs(1)) / 10 * 9
    }

    #[inline]
    fn frame(&self) -> Option<Frame> {
        let connect = || self.connect.map(|limit| Bound { limit, site: self.site });
        (self.connect.is_some() || self.read.is_some()).then(|| Frame::bounding(connect(), self.read_millis))
    }

    pub(super) fn timed_out(&self, phase: Phase, limit: Duration) -> Error {
        let site = self.site;
        events::timed_out(site, phase, limit);
        Error::Timeout { site, phase, limit }
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
        Self::within(Bounds::NONE)
    }

    /// These bounds.
    pub const fn of(settings: Settings) -> Self {
        let Settings { attempt, connect, read } = settings;
        let timeout = Self::within(Bounds { attempt: Some(attempt), connect, ..Bounds::NONE });
        match read {
            Some(read) => timeout.read(read),
            None => timeout,
        }
    }

    const fn within(bounds: Bounds) -> Self {
        Self { bounds, own: Own::new() }
    }

    /// The longest wait for a connection. Recommended: 1 to 5 s.
    pub const fn connect(mut self, limit: Duration) -> Self {
        self.bounds.connect = Some(limit);
        self
    }

    /// The longest silence while waiting for data on an established connection. Recommended: 5 to 30 s.
    pub const fn read(mut self, limit: Duration) -> Self {
        self.bounds.read = Some(limit);
        self.bounds.read_millis = NonZeroU32::new(millis(limit));
        self
    }

    /// The place named in errors and events.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.bounds.site = site;
        self
    }

    /// Runs one attempt within these bounds.
    #[inline]
    pub fn apply<F>(&self, body: F) -> Attempt<'_, F> {
        Attempt::bounded(body, self)
    }

    /// Those in force.
    pub(super) fn bounds(&self) -> Bounds {
        self.own.or(|| self.bounds, || self.in_force())
    }

    #[cold]
    #[inline(never)]
    fn in_force(&self) -> Option<Bounds> {
        self.own.look(self, || self.as_written()).map(|now| now.bounds(self.bounds.site))
    }

    /// What the attempt watches its phases with, if it has a bound on one.
    #[inline]
    pub(super) fn frame(&self) -> Option<Frame> {
        self.own.or(|| self.bounds.frame(), || self.frame_in_force())
    }

    #[cold]
    #[inline(never)]
    fn frame_in_force(&self) -> Option<Option<Frame>> {
        self.in_force().map(|bounds| bounds.frame())
    }

    /// Says once that a `connect` bound has nothing that enforces it; an error where a test asked for strictness.
    #[inline]
    pub(super) fn unenforced(&self, frame: Option<&Frame>) -> Option<Error> {
        if frame.is_some_and(|frame| frame.connect.is_some()) { self.connect_unenforced(frame) } else { None }
    }

    #[cold]
    fn connect_unenforced(&self, frame: Option<&Frame>) -> Option<Error> {
        let Bounds { connect, site, .. } = self.bounds();
        // It may be a caller's that the frame has, who says so itself.
        connect?;
        Registry::with(|registry| {
            if let Some(dial) = frame.and_then(|frame| registry.dialled_outside_since(frame.dialled_outside)) {
                if registry.is_strict() {
                    return Some(crate::registry::misconfigured(format!(
                        "`connect` in {site} does not bound the connection of {dial}, which is made outside of any annotated \
                         call. Dial within the call, or bound the connector itself"
                    )));
                }
                if registry.warn_of_dials_outside() {
                    events::dialled_outside(dial);
                }
            }
            if !registry.connect_is_unenforced() {
                return None;
            }
            if registry.is_strict() {
                return Some(crate::registry::misconfigured(format!(
                    "`connect` in {site} bounds nothing: no adapter is installed. Build the client with \
                     `resil::http::client()`, or dial through `resil::net::connect`"
                )));
            }
            if registry.warn_of_dials() {
                events::connect_unenforced(site);
            }
            None
        })
    }
}

/// Rounded up; longer ones are 49 days.
#[expect(clippy::cast_possible_truncation, reason = "it was compared before")]
const fn millis(limit: Duration) -> u32 {
    let millis = limit.as_micros().div_ceil(1000);
    if millis < u32::MAX as u128 { millis as u32 } else { u32::MAX }
}

impl Handle for Timeout {
    fn written(&self) -> Written {
        let Bounds { attempt, connect, read, site, .. } = self.bounds;
        let bounds = [("attempt", attempt), ("connect", connect), ("read", read)];
        let settings = bounds.into_iter().filter_map(|(phase, bound)| Some((phase, format!("{:?}", bound?)))).collect();
        Written { kind: "timeout", name: None, site, settings }
    }

    /// Every bound that is longer.
    fn beyond(&self, deadline: Duration) -> Option<String> {
        let site = self.bounds.site;
        let above = self.bounds.above(deadline).map(|(_, what, bound)| format!("{what} of {bound:?}"));
        let above: Vec<_> = above.collect();
        (!above.is_empty()).then(|| {
            format!(
                "the timeout of {site} can never pass: its deadline of {deadline:?} comes before its {}; write at most \
                 \"{deadline:?}\", or a longer deadline",
                above.join(" and its ")
            )
        })
    }

    fn set_up(&self, states: &States) -> Result<(), Error> {
        self.own.set_up(states, self, || self.as_written());
        Ok(())
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        Some(in_force::outside::subject(&self.bounds))
    }

    fn out_of_range(&self) -> Option<String> {
        let Bounds { attempt, connect, read, site, .. } = self.bounds;
        let zero = [attempt, connect, read].into_iter().flatten().any(|bound| bound.is_zero());
        zero.then(|| format!("a bound of the timeout of {site} is zero: no call can meet it; write \"5s\""))
    }
}
