use super::{Acquiring, Permits, Settings, Usage};
use crate::registry::in_force::{Live, Said};
#[cfg(feature = "config")]
use crate::registry::in_force::{Put, Subject, Values};
use crate::registry::{Found as _, Handle as _, Row, Shared, Slot, Written, events};
use crate::sync::AtomicU32;
use crate::{Error, Site};
use std::fmt;
use std::time::Duration;

/// What a name stands for: its label and the permits all its call sites share.
#[derive(Debug)]
pub(crate) struct Limiter {
    pub(super) label: &'static str,
    pub(super) max_wait: Live,
    pub(super) permits: Permits,
    /// What it was set up with; neither `resize` nor a setting from outside changes that.
    pub(super) at_first: Settings,
    /// How many are in force, but for `resize`.
    pub(super) settled: AtomicU32,
}

impl Limiter {
    pub(crate) fn new(label: &'static str, permits: u32, max_wait: Duration) -> Self {
        let at_first = Settings { permits, max_wait };
        let (max_wait, settled) = (Live::new(Some(max_wait)), AtomicU32::new(permits));
        Self { label, max_wait, permits: Permits::new(permits), at_first, settled }
    }

    pub(super) fn full(&self, waited: Duration) -> Error {
        self.full_at(self.permits.limit(), waited)
    }

    /// The same for a call that might use so many of them.
    pub(super) fn full_at(&self, limit: u32, waited: Duration) -> Error {
        events::full(self.label, limit, waited);
        Error::SemaphoreFull { name: self.label, limit, waited }
    }
}

impl Shared for Limiter {
    fn written(&self) -> Written {
        let settings = as_written(self.at_first.permits, self.at_first.max_wait);
        Written { kind: "semaphore", name: Some(self.label), site: &Site::UNKNOWN, settings }
    }

    fn label(&self) -> &'static str {
        self.label
    }

    fn row(&self) -> Option<Row> {
        Some(self.permits.snapshot().row("semaphore"))
    }

    #[cfg(feature = "dashboard")]
    fn view(&self) -> Option<crate::registry::View> {
        Some(self.permits.snapshot().view("semaphore"))
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        let handle = Semaphore::of(self.at_first);
        handle.subject()
    }

    #[cfg(feature = "config")]
    fn put_in_force(&self, values: &Values) -> Put {
        self.put(values)
    }

    #[cfg(feature = "config")]
    fn wake(&self) {
        self.permits.hand_over();
    }
}

/// A concurrency limit: what `#[semaphore]` expands to, and a policy to use by hand.
///
/// It limits how many calls run at a time, where the caller runs. It is a handle: everything that writes one name shares
/// the permits. Its settings count until it is first used; what is set afterwards changes nothing. Waiting calls are served in the order of arrival, and one that is dropped loses no permit.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
/// use resil::{Error, Semaphore};
///
/// static REPORTS: Semaphore = Semaphore::new(2).name("reports");
///
/// let first = REPORTS.acquire().await?;
/// let second = REPORTS.acquire().await?;
/// assert!(matches!(REPORTS.acquire().await, Err(Error::SemaphoreFull { limit: 2, .. })));
/// drop(first);
/// let third = REPORTS.acquire().await?;
/// # drop((second, third));
/// # Ok(()) }
/// ```
#[must_use = "a semaphore limits nothing until a call asks it"]
#[derive(Debug)]
pub struct Semaphore {
    pub(super) name: Option<&'static str>,
    pub(super) site: &'static Site,
    pub(super) permits: u32,
    pub(super) max_wait: Duration,
    pub(super) said: Said,
    pub(super) slot: Slot<Limiter>,
}

impl Semaphore {
    /// This many permits, for this handle alone. [`name`](Self::name) shares them.
    pub const fn new(permits: u32) -> Self {
        Self::of(Settings::new(permits))
    }

    /// These settings, for this handle alone.
    pub const fn of(settings: Settings) -> Self {
        let Settings { permits, max_wait } = settings;
        Self { name: None, site: &Site::UNKNOWN, permits, max_wait, said: Said::NOTHING, slot: Slot::new() }
    }

    /// Shares the permits with everything that writes this name.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// How long to wait for a permit. The default, zero, refuses at once.
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self.said = self.said.and(1);
        self
    }

    /// The place named when two settings contradict each other.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    /// Waits for a permit, at most as long as `max_wait` and the caller's deadline allow. Dropping the future gives up
    /// the place in the line, and a permit that was on its way goes to the next.
    ///
    /// Answers [`Error::SemaphoreFull`] if there was none, [`Error::DeadlineExceeded`] if the deadline passed first,
    /// [`Error::Misconfigured`] if the settings contradict another site's or are out of range.
    #[inline]
    pub fn acquire(&self) -> Acquiring<'_, &Self> {
        Acquiring::new(self)
    }

    /// Changes how many permits there are, for everybody who shares them. Nothing in use is revoked: below that number
    /// new permits are given only when enough have come back.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`], as in [`acquire`](Self::acquire), and for a size of zero; nothing is changed then.
    pub fn resize(&self, permits: u32) -> Result<(), Error> {
        if permits == 0 {
            return Err(crate::registry::misconfigured(format!("{}: {ZERO}", self.written())));
        }
        self.limiter()?.permits.resize(permits);
        Ok(())
    }

    /// How many permits there are, are in use and are waited for.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`], as in [`acquire`](Self::acquire).
    pub fn usage(&self) -> Result<Usage, Error> {
        Ok(self.limiter()?.permits.snapshot())
    }

    #[inline]
    pub(super) fn limiter(&self) -> Result<&Limiter, Error> {
        self.slot.get(|states| self.look_up(states))
    }
}

pub(super) fn as_written(permits: u32, max_wait: Duration) -> Vec<(&'static str, String)> {
    vec![("permits", permits.to_string()), ("max_wait", format!("{max_wait:?}"))]
}

pub(super) const ZERO: &str = "`permits = 0` would let nothing through: write 1 or more";

/// The right to one call. Dropping it gives it back.
#[must_use = "a permit that is dropped is given back at once"]
pub struct Permit<'a>(&'a Limiter);

impl<'a> Permit<'a> {
    #[inline]
    pub(super) fn of(limiter: &'a Limiter) -> Self {
        Self(limiter)
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.permits.give_back();
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.0.label).finish()
    }
}
