use super::acquiring::spread;
use super::{Acquiring, Bucket, Lease, Lost, Outlook, Plan, Rate, Settings, Usage};
use crate::clock::{self, Nanos};
use crate::context::Pauses;
use crate::registry::in_force::Said;
#[cfg(feature = "config")]
use crate::registry::in_force::{Put, Subject, Values};
use crate::registry::{Found as _, Row, Shared, Slot, Written, events, misconfigured};
use crate::sync::Ordering;
use crate::{Error, Site};
use std::sync::Arc;
use std::time::Duration;

/// What a name stands for: the bucket that all its call sites share. With keys, one of many.
#[derive(Debug)]
pub(crate) struct Limiter {
    pub(super) plan: Arc<Plan>,
    bucket: Bucket,
    /// Whose tokens it uses, if all processes share them.
    pub(super) lease: Option<Arc<Lease>>,
}

impl Limiter {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        let lease = plan.settings.fleet.map(|lost| Arc::new(Lease::new(plan.label, &plan.settings, lost)));
        Self { plan, bucket: Bucket::new(), lease }
    }

    #[inline]
    pub(super) fn bucket(&self) -> &Bucket {
        self.lease.as_ref().map_or(&self.bucket, |lease| &lease.bucket)
    }

    /// Takes a call's tokens, or says how long the wait for them is.
    #[inline]
    pub(super) fn take(&self, cost: u32) -> Result<(), Nanos> {
        if let Some(lease) = &self.lease {
            lease.wants(cost);
        }
        self.bucket().take(&self.plan.gcra, cost, clock::now())
    }

    /// How long somebody who comes now would wait, and how long that may be; `None` if nobody knows.
    #[cold]
    pub(super) fn prospect(&self, wait: Nanos, cost: u32, now: Nanos) -> Option<(Nanos, Nanos)> {
        let max_wait = clock::nanos(self.plan.max_wait.time());
        let Some(lease) = &self.lease else { return Some((wait, max_wait)) };
        let paused = self.bucket().paused_until(now).map_or(0, |until| until - now);
        match lease.outlook(cost, now) {
            Outlook::Lost => None,
            Outlook::At(at) => Some((paused.max(at - now), max_wait)),
            // Only the store knows, and it is asked: in so long it has answered or is away.
            Outlook::Soon => Some((paused, max_wait.max(1_000_000_000))),
        }
    }

    /// Whether somebody who waits since then for so many tokens would wait too long.
    pub(super) fn is_hopeless(&self, cost: u32, since: Nanos, now: Nanos) -> bool {
        let may_wait_until = since.saturating_add(clock::nanos(self.plan.max_wait.time()));
        self.lease.as_ref().is_some_and(|lease| match lease.outlook(cost, now) {
            Outlook::Lost => true,
            Outlook::At(at) => at > may_wait_until,
            Outlook::Soon => false,
        })
    }

    /// Not now, and when it may.
    #[cold]
    pub(super) fn refused(&self, wait: Option<Nanos>, now: Nanos) -> Error {
        // Those who are told of one pause do not come back in step.
        let is_paused = self.bucket().paused_until(now).is_some();
        let later = |wait: Nanos| wait.saturating_add(if is_paused { spread(wait) } else { 0 });
        let retry_after = wait.map(|wait| Duration::from_nanos(later(wait)));
        events::rate_limited(self.plan.label, retry_after);
        Error::RateLimited { name: self.plan.label, retry_after }
    }

    /// How long somebody who comes now would wait.
    pub(super) fn wait(&self, cost: u32, now: Nanos) -> Option<Nanos> {
        self.prospect(self.bucket().wait(&self.plan.gcra, cost, now), cost, now).map(|(wait, _)| wait)
    }

    #[cold]
    pub(super) fn costs_nothing(&self) -> Error {
        let label = self.plan.label.escape_debug();
        misconfigured(format!(
            "rate limit `{label}`: a call that costs nothing would pass any limit: write `cost = 1` or more"
        ))
    }

    /// Nothing begins for so long, as far as the settings follow.
    #[cold]
    pub(super) fn pause(&self, wait: Duration) {
        let wait = wait.min(self.plan.follow_max.time());
        if !wait.is_zero() && self.bucket().pause(clock::now().saturating_add(clock::nanos(wait))) {
            events::rate_paused(self.plan.label, wait);
        }
    }

    pub(super) fn usage(&self) -> Usage {
        let (now, gcra) = (clock::now(), &self.plan.gcra);
        Usage {
            tokens: self.bucket().tokens(gcra, now),
            burst: self.plan.burst.load(Ordering::Relaxed),
            waiting: self.bucket().waiting(),
            paused_for: self.bucket().paused_until(now).map(|until| Duration::from_nanos(until - now)),
            fleet: self.lease.as_ref().map(|lease| lease.part()),
        }
    }
}

impl Pauses for Limiter {
    fn pause(&self, _: u64, wait: Duration) {
        self.pause(wait);
    }
}

impl Shared for Limiter {
    fn written(&self) -> Written {
        let Plan { label, settings, .. } = *self.plan;
        Written { kind: "rate limit", name: Some(label), site: &Site::UNKNOWN, settings: settings.written() }
    }

    fn label(&self) -> &'static str {
        self.plan.label
    }

    fn row(&self) -> Option<Row> {
        Some(self.usage().row())
    }

    #[cfg(feature = "dashboard")]
    fn view(&self) -> Option<crate::registry::View> {
        Some(self.usage().view())
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        Some(super::in_force::subject(&RateLimit::of(self.plan.settings)))
    }

    #[cfg(feature = "config")]
    fn put_in_force(&self, values: &Values) -> Put {
        self.put(values)
    }

    #[cfg(feature = "config")]
    fn wake(&self) {
        self.bucket().wake(true);
    }
}

/// A rate limit: what `#[rate_limit]` expands to, and a policy to use by hand.
///
/// It limits how many calls begin in a span of time: in any span *t* at most rate · *t* + burst. It is a handle: everything that
/// writes one name shares the tokens. Its settings count until it is first used; what is set afterwards changes nothing.
/// Waiting calls are served in the order of arrival, and one that is dropped has cost nothing.
///
/// A token's time is counted in whole nanoseconds, rounded up: above 10⁶ calls a second the real rate is lower by up to that.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
/// use resil::policy::rate_limit::Rate;
/// use resil::{Error, RateLimit};
///
/// static BANK: RateLimit = RateLimit::new(Rate::per_minute(2)).name("small bank");
///
/// BANK.acquire().await?;
/// BANK.acquire().await?;
/// let refused = BANK.acquire().await.unwrap_err();
/// assert!(matches!(refused, Error::RateLimited { name: "small bank", retry_after: Some(_) }));
/// # Ok(()) }
/// ```
#[must_use = "a rate limit limits nothing until a call asks it"]
#[derive(Debug)]
pub struct RateLimit {
    pub(super) name: Option<&'static str>,
    pub(super) site: &'static Site,
    pub(super) settings: Settings,
    pub(super) said: Said,
    pub(super) slot: Slot<Limiter>,
}

impl RateLimit {
    /// This rate, for this handle alone. [`name`](Self::name) shares it.
    pub const fn new(rate: Rate) -> Self {
        Self::of(Settings::new(rate))
    }

    /// These settings, for this handle alone.
    pub const fn of(settings: Settings) -> Self {
        Self { name: None, site: &Site::UNKNOWN, settings, said: Said::NOTHING, slot: Slot::new() }
    }

    /// Shares the tokens with everything that writes this name.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// How many calls may begin at once after a pause. The default is the rate's number.
    pub const fn burst(mut self, calls: u32) -> Self {
        self.settings.burst = Some(calls);
        self.said = self.said.and(1);
        self
    }

    /// How long a call waits for its turn. The default, zero, refuses at once; so does any wait that would be longer.
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.settings.max_wait = wait;
        self.said = self.said.and(2);
        self
    }

    /// The longest pause that a partner's answer, or [`pause`](Self::pause), can ask for: 60 s by default, zero for none.
    pub const fn follow_max(mut self, wait: Duration) -> Self {
        self.settings.follow_max = wait;
        self.said = self.said.and(3);
        self
    }

    /// All processes that write this name share the rate, through the [store](super::fleet::Fleet) that each of them installs. The
    /// other says what this one does when its store is away.
    pub const fn fleet(mut self, lost: Lost) -> Self {
        self.settings.fleet = Some(lost);
        self
    }

    /// The place named when two settings contradict each other.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    /// Takes a token as soon as there is one and all who came before have theirs, if that is within `max_wait` and the
    /// caller's deadline. Dropping the future costs nothing.
    ///
    /// Answers [`Error::RateLimited`] at once if it is not, and [`Error::Misconfigured`] if the settings contradict another site's
    /// or are out of range.
    #[inline]
    pub fn acquire(&self) -> Acquiring<'_, &Self> {
        Acquiring::new(self)
    }

    /// Lets no call begin for so long, as an answer of the partner asks for: at most `follow_max`. A shorter pause does not
    /// shorten a longer one.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`], as in [`acquire`](Self::acquire).
    pub fn pause(&self, wait: Duration) -> Result<(), Error> {
        self.limiter()?.pause(wait);
        Ok(())
    }

    /// How many tokens there are, who waits for them, and whether the partner has asked for a pause.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`], as in [`acquire`](Self::acquire).
    pub fn usage(&self) -> Result<Usage, Error> {
        Ok(self.limiter()?.usage())
    }

    #[inline]
    pub(super) fn limiter(&self) -> Result<&Limiter, Error> {
        self.slot.get(|states| self.look_up(states))
    }
}
