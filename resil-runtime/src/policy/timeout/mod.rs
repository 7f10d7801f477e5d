//! The timeout: bounds on one attempt and on its phases.

mod dial;
pub(crate) mod in_force;
mod settings;

pub use dial::Dial;
pub use settings::Settings;

use crate::context::{Bound, Frame};
use crate::policy::attempt::Attempt;
#[cfg(feature = "config")]
use crate::registry::in_force::Subject;
use crate::registry::in_force::own;
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
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) attempt: Option<Duration>,
    pub(super) connect: Option<Duration>,
    pub(super) read: Option<Duration>,
    /// The same for the requests within, as their timers count.
    pub(super) read_millis: Option<NonZeroU32>,
    /// Whether a phase is bounded as written, for which the attempt needs a frame. Nothing outside changes that, so that all
    /// other attempts have none for certain.
    pub(super) watches_phases: bool,
    pub(super) site: &'static Site,
}

impl Bounds {
    pub(super) const NONE: Self = Self {
        attempt: None,
        connect: None,
        read: None,
        read_millis: None,
        watches_phases: false,
        site: &Site::UNKNOWN,
    };

    /// From here on it is the partner's failure when a deadline ends the attempt. A tenth less than the bound, since a
    /// deadline as long as the bound begins earlier.
    pub(super) fn enough(&self) -> Duration {
        self.attempt.or(self.read).unwrap_or(Duration::from_secs(1)) / 10 * 9
    }

    #[inline]
    fn connect_bound(&self) -> Option<Bound> {
        self.connect.map(|limit| Bound { limit, site: self.site })
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
        let timeout =
            Self::within(Bounds { attempt: Some(attempt), connect, watches_phases: connect.is_some(), ..Bounds::NONE });
        match read {
            Some(read) => timeout.read(read),
            None => timeout,
        }
    }

    const fn within(bounds: Bounds) -> Self {
        Self { bounds }
    }

    /// The longest wait for a connection. Recommended: 1 to 5 s.
    pub const fn connect(mut self, limit: Duration) -> Self {
        self.bounds.connect = Some(limit);
        self.bounds.watches_phases = true;
        self
    }

    /// The longest silence while waiting for data on an established connection. Recommended: 5 to 30 s.
    pub const fn read(mut self, limit: Duration) -> Self {
        self.bounds.read = Some(limit);
        self.bounds.watches_phases = true;
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
        own::or(|| self.bounds, || self.in_force())
    }

    #[cold]
    #[inline(never)]
    fn in_force(&self) -> Bounds {
        own::look(self, || self.as_written(), |now| now.bounds(self.bounds.site))
    }

    #[inline]
    pub(super) fn connect_bound(&self) -> Option<Bound> {
        own::or(|| self.bounds.connect_bound(), || self.connect_in_force())
    }

    #[cold]
    #[inline(never)]
    fn connect_in_force(&self) -> Option<Bound> {
        self.in_force().connect_bound()
    }

    #[inline]
    pub(super) fn read_millis(&self) -> Option<NonZeroU32> {
        own::or(|| self.bounds.read_millis, || self.read_in_force())
    }

    #[cold]
    #[inline(never)]
    fn read_in_force(&self) -> Option<NonZeroU32> {
        self.in_force().read_millis
    }

    #[inline]
    pub(super) fn watches_phases(&self) -> bool {
        self.bounds.watches_phases
    }

    /// Says once that a `connect` bound has nothing that enforces it; an error where a test asked for strictness.
    #[inline]
    pub(super) fn unenforced(&self, frame: Option<&Frame>) -> Option<Error> {
        if self.bounds.watches_phases { self.connect_unenforced(frame) } else { None }
    }

    #[cold]
    fn connect_unenforced(&self, frame: Option<&Frame>) -> Option<Error> {
        let Bounds { connect, site, .. } = self.bounds();
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
        own::set_up(states, self, || self.as_written());
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
