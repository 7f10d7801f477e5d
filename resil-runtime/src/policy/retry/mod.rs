//! Retry: repeats what is proven safe to repeat, for failures that pass.

mod backoff;
mod budget;
mod delay;
mod key;
mod proven;
mod why;
mod written;

pub(crate) use backoff::Backoff;
pub use backoff::Jitter;
pub(crate) use budget::Budget;
pub use budget::RetryBudget;
pub use delay::Delay;
pub use key::{IdempotencyKey, InvalidKey};
pub use proven::Proven;
pub use why::Why;

use crate::context::{self, Repeat};
use crate::registry::{Owner, Slot, States, events};
use crate::{Due, Effect, Error, Kind, Site, Verdict, clock};
use std::time::Duration;

/// A retry policy: what `#[retry]` expands to. The constructor is the proof that repeating is safe.
///
/// | setting | default |
/// |---|---|
/// | [`attempts`](Self::attempts) | 3, the first included |
/// | [`base`](Self::base), [`factor`](Self::factor), [`max`](Self::max) | 100 ms, 2, 10 s |
/// | [`jitter`](Self::jitter) | [`Jitter::Full`] |
/// | [`retry_status`](Self::retry_status) | none |
/// | [`budget`](Self::budget) | one of its own |
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use resil::{Classify as _, Retry};
/// use std::io;
///
/// static RETRY: Retry = Retry::idempotent().attempts(4);
///
/// let mut calls = 0;
/// let mut retry = RETRY.start();
/// let outcome = loop {
///     calls += 1;
///     let outcome: Result<(), _> = Err(io::Error::from(io::ErrorKind::TimedOut));
///     let verdict = outcome.as_ref().err().map(|error| error.verdict());
///     let Some(delay) = retry.again(verdict) else { break outcome };
///     delay.await;
/// };
/// assert!(outcome.is_err());
/// assert_eq!(calls, 4);
/// # }
/// ```
#[must_use = "a retry does nothing until a call starts it"]
#[derive(Debug)]
pub struct Retry {
    repeat: Repeat,
    attempts: u32,
    backoff: Backoff,
    statuses: &'static [u16],
    budget: BudgetOf,
    slot: Slot<Budget>,
    site: &'static Site,
}

#[derive(Debug, Clone, Copy)]
enum BudgetOf {
    Site,
    Name(&'static str),
    None,
}

/// Without a deadline, a peer that asks for a longer pause than this is not waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

impl Retry {
    const fn new(repeat: Repeat) -> Self {
        Self {
            repeat,
            attempts: 3,
            backoff: Backoff::DEFAULT,
            statuses: &[],
            budget: BudgetOf::Site,
            slot: Slot::new(),
            site: &Site::UNKNOWN,
        }
    }

    /// For operations that may run twice: reads, overwrites.
    pub const fn idempotent() -> Self {
        Self::new(Repeat::Idempotent)
    }

    /// The same, where the method of the request (POST, PATCH) suggests otherwise: say why it is harmless.
    pub const fn idempotent_because(_reason: &'static str) -> Self {
        Self::new(Repeat::Reasoned)
    }

    /// For operations whose peer recognises a repeated key; [`start_with`](Self::start_with) takes it.
    pub const fn idempotency_key() -> Self {
        Self::new(Repeat::Keyed)
    }

    /// Repeats only what certainly never reached the peer: right for any operation.
    pub const fn unsent() -> Self {
        Self::new(Repeat::Never)
    }

    /// How often to try at most, the first attempt included.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// The wait after the first failed attempt.
    pub const fn base(mut self, base: Duration) -> Self {
        self.backoff.base = base;
        self
    }

    /// What each further wait is multiplied by.
    pub const fn factor(mut self, factor: f64) -> Self {
        self.backoff.factor = factor;
        self
    }

    /// The longest backoff.
    pub const fn max(mut self, max: Duration) -> Self {
        self.backoff.max = max;
        self
    }

    /// How waits are randomised.
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.backoff.jitter = jitter;
        self
    }

    /// HTTP statuses to repeat although their kind says no, for example 429.
    pub const fn retry_status(mut self, statuses: &'static [u16]) -> Self {
        self.statuses = statuses;
        self
    }

    /// Shares the retry budget of this name.
    pub const fn budget(mut self, name: &'static str) -> Self {
        self.budget = BudgetOf::Name(name);
        self
    }

    /// Retries without a budget. Every caller of a failing partner then multiplies its load.
    pub const fn no_budget(mut self) -> Self {
        self.budget = BudgetOf::None;
        self
    }

    /// The place named in events.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    /// Begins one call: call it once, then ask [`Attempts::again`] after each attempt.
    #[inline]
    pub fn start(&self) -> Attempts<'_> {
        Attempts { retry: self, key: None, deadline: None, made: 0, previous: Duration::ZERO }
    }

    /// Begins one call under an idempotency key, minted once for all its attempts.
    #[inline]
    pub fn start_with<'a>(&'a self, key: &'a IdempotencyKey) -> Attempts<'a> {
        Attempts { key: Some(key), ..self.start() }
    }

    #[inline]
    fn reward(&self) {
        if let BudgetOf::None = self.budget {
            return;
        }
        if let Some(budget) = self.budget_state() {
            budget.reward();
        }
    }

    #[inline]
    fn budget_state(&self) -> Option<&'static Budget> {
        self.slot.get(|registry| self.look_up(registry)).ok()
    }

    #[cold]
    #[expect(clippy::unnecessary_wraps, reason = "the shape a slot asks for")]
    fn look_up(&self, registry: &States) -> Result<&'static Budget, Error> {
        let owner = match self.budget {
            BudgetOf::Name(name) => Owner::Name(name),
            BudgetOf::Site | BudgetOf::None => Owner::Handle(std::ptr::from_ref(self).addr()),
        };
        Ok(registry.budget(owner))
    }

    fn takes_from_budget(&self) -> bool {
        match self.budget {
            BudgetOf::None => true,
            _ => self.budget_state().is_none_or(|budget| budget.take(clock::now())),
        }
    }

    fn may_repeat(&self, verdict: &Verdict) -> bool {
        if self.repeat == Repeat::Never && verdict.effect == Effect::Unknown {
            return false;
        }
        match verdict.kind {
            Kind::Transient => true,
            Kind::Refused => false,
            Kind::Permanent | Kind::Caller => verdict.status.is_some_and(|status| self.statuses.contains(&status)),
        }
    }
}

/// One call's attempts: a pure machine that says, after each, whether to wait and try again.
#[must_use = "attempts decide nothing until asked"]
#[derive(Debug)]
pub struct Attempts<'a> {
    retry: &'a Retry,
    key: Option<&'a IdempotencyKey>,
    deadline: Option<Due>,
    made: u32,
    previous: Duration,
}

impl Attempts<'_> {
    /// Never waits past this deadline: what does not fit is not tried.
    #[inline]
    pub fn within(mut self, due: Due) -> Self {
        self.deadline = Some(due);
        self
    }

    /// Whether to try again, and after what delay. `None` as a verdict is a success.
    #[inline]
    pub fn again(&mut self, verdict: Option<Verdict>) -> Option<Delay> {
        match verdict {
            None => {
                self.retry.reward();
                None
            }
            Some(verdict) => self.after(&verdict),
        }
    }

    fn after(&mut self, verdict: &Verdict) -> Option<Delay> {
        let retry = self.retry;
        self.made = self.made.saturating_add(1);
        if !retry.may_repeat(verdict) {
            return None;
        }
        if self.made >= retry.attempts {
            return self.give_up(Why::NoAttemptsLeft);
        }
        let backoff = retry.backoff.delay(self.made, self.previous, || 1.0 - fastrand::f64());
        let delay = backoff.max(verdict.retry_after.unwrap_or_default());
        match self.deadline.or_else(context::deadline) {
            // An attempt needs time as well: a delay that ends with the deadline does not fit.
            Some(due) if due.remaining() <= delay => return self.give_up(Why::DeadlineNear),
            None if delay > LONGEST_RETRY_AFTER.max(retry.backoff.max) => {
                return self.give_up(Why::PauseTooLong);
            }
            _ => {}
        }
        if !retry.takes_from_budget() {
            return self.give_up(Why::BudgetSpent);
        }
        if verdict.effect == Effect::Unknown {
            context::in_doubt();
        }
        self.previous = backoff;
        events::retry(retry.site, self.made, delay, verdict);
        Some(Delay::of(delay))
    }

    /// Runs an attempt so that the calls within know what allows them to be repeated.
    #[inline]
    pub fn prove<F>(&self, body: F) -> Proven<F> {
        Proven::new(body, self.repeat(), self.key)
    }

    fn give_up(&self, why: Why) -> Option<Delay> {
        events::gave_up(self.retry.site, self.made, why);
        None
    }

    pub(crate) fn repeat(&self) -> Repeat {
        self.retry.repeat
    }

    pub(crate) fn key(&self) -> Option<&IdempotencyKey> {
        self.key
    }
}
