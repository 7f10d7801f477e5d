//! Retry: repeats what is proven safe to repeat, after transient failures.

mod attempts;
mod backoff;
mod budget;
mod delay;
mod doubt;
mod found;
pub(crate) mod in_force;
mod key;
mod proven;
mod request_key;
mod settings;

pub use crate::registry::Why;
pub use attempts::Attempts;
pub(crate) use backoff::Backoff;
pub use backoff::Jitter;
pub(crate) use budget::Budget;
pub use budget::RetryBudget;
pub use delay::Delay;
#[doc(hidden)]
pub use doubt::{RepresentsDoubt, Told, Untold};
pub use key::{IdempotencyKey, InvalidKey};
pub use proven::Proven;
pub use request_key::RequestKey;
pub use settings::Settings;

use crate::context::{Repeat, Sent};
use crate::registry::in_force::Said;
use crate::registry::{Slot, States};
use crate::{Classify, Effect, Error, Kind, Site, Verdict, clock};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A retry policy: what `#[retry]` expands to. The constructor is the proof that repeating is safe. The name of its budget
/// counts until it is first used; what is set afterwards changes nothing.
///
/// | setting | default |
/// |---|---|
/// | [`attempts`](Self::attempts) | 3, the first included |
/// | [`base`](Self::base), [`factor`](Self::factor), [`max`](Self::max) | 100 ms, 2, 10 s |
/// | [`jitter`](Self::jitter) | [`Jitter::Full`] |
/// | [`retry_status`](Self::retry_status) | none |
/// | [`nested`](Self::nested) | no: what a retry within has given up on is not repeated |
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
    /// Why repeating it is harmless, where nothing shows it.
    reason: Option<&'static str>,
    attempts: u32,
    backoff: Backoff,
    statuses: &'static [u16],
    /// Whether it takes up what a retry within has given up on.
    is_nested: bool,
    budget: BudgetOf,
    slot: Slot<Budget>,
    said: Said,
    site: &'static Site,
}

#[derive(Debug, Clone, Copy)]
enum BudgetOf {
    Site,
    Name(&'static str),
    None,
}

impl Retry {
    const fn new(repeat: Repeat) -> Self {
        Self {
            repeat,
            reason: None,
            attempts: Settings::new().attempts,
            backoff: Backoff::DEFAULT,
            statuses: &[],
            is_nested: false,
            budget: BudgetOf::Site,
            slot: Slot::new(),
            said: Said::NOTHING,
            site: &Site::UNKNOWN,
        }
    }

    /// For operations that may run twice: reads, overwrites.
    pub const fn idempotent() -> Self {
        Self::new(Repeat::Idempotent)
    }

    /// The same, where the method of the request (POST, PATCH) suggests otherwise: say why it is harmless. The registry
    /// shows the reason.
    pub const fn idempotent_because(reason: &'static str) -> Self {
        let mut retry = Self::new(Repeat::Reasoned);
        retry.reason = Some(reason);
        retry
    }

    /// For operations whose partner recognises a repeated key; [`start_with`](Self::start_with) takes it.
    pub const fn idempotency_key() -> Self {
        Self::new(Repeat::Keyed)
    }

    /// Repeats only what certainly never reached the partner: right for any operation.
    pub const fn unsent() -> Self {
        Self::new(Repeat::Never)
    }

    /// All settings at once.
    pub const fn settings(mut self, settings: Settings) -> Self {
        (self.attempts, self.backoff, self.statuses) = (settings.attempts, settings.backoff(), settings.retry_status);
        self
    }

    /// How often to try at most, the first attempt included.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self.said = self.said.and(0);
        self
    }

    /// The wait after the first failed attempt.
    pub const fn base(mut self, base: Duration) -> Self {
        self.backoff.base = base;
        self.said = self.said.and(1);
        self
    }

    /// What each further wait is multiplied by.
    pub const fn factor(mut self, factor: f64) -> Self {
        self.backoff.factor = factor;
        self.said = self.said.and(2);
        self
    }

    /// The longest backoff.
    pub const fn max(mut self, max: Duration) -> Self {
        self.backoff.max = max;
        self.said = self.said.and(3);
        self
    }

    /// How waits are randomised.
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.backoff.jitter = jitter;
        self.said = self.said.and(4);
        self
    }

    /// HTTP statuses to repeat although their kind says no, for example 429.
    pub const fn retry_status(mut self, statuses: &'static [u16]) -> Self {
        self.statuses = statuses;
        self.said = self.said.and(5);
        self
    }

    /// Repeats also what a retry within has given up on, so that the attempts of both multiply.
    pub const fn nested(mut self) -> Self {
        self.is_nested = true;
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

    /// Begins one call: call it once, run each attempt through [`Attempts::prove`] or [`Attempt::under`], so that it is
    /// known what it sent, and ask [`Attempts::again`] after it.
    ///
    /// Under [`idempotency_key`](Self::idempotency_key) nothing is repeated, since there is no key, and `.checked()` refuses a
    /// POST or PATCH ([`Error::MissingKey`]): [`start_with`](Self::start_with) takes the key.
    ///
    /// [`Attempt::under`]: crate::Attempt::under
    #[inline]
    pub fn start(&self) -> Attempts<'_> {
        Attempts::new(self, Sent::under(self.repeat))
    }

    /// Makes one call: runs `attempt` until it succeeds, or until its failure is not to be repeated.
    ///
    /// Under [`idempotency_key`](Self::idempotency_key) it makes one attempt only: [`start_with`](Self::start_with) takes
    /// the key. Dropping the future drops the attempt or the wait under way.
    ///
    /// # Errors
    ///
    /// That of the last attempt.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// use resil::Retry;
    /// use std::cell::Cell;
    /// use std::io;
    ///
    /// static RETRY: Retry = Retry::idempotent();
    ///
    /// let attempts = Cell::new(0);
    /// let answer = RETRY.call(|| async {
    ///     attempts.set(attempts.get() + 1);
    ///     if attempts.get() < 3 { Err(io::Error::from(io::ErrorKind::TimedOut)) } else { Ok(7) }
    /// });
    /// assert_eq!(answer.await.unwrap(), 7);
    /// # }
    /// ```
    pub async fn call<T, E, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, E>
    where
        E: Classify,
        F: Future<Output = Result<T, E>>,
    {
        if self.repeat == Repeat::Keyed {
            return attempt().await;
        }
        let mut retry = self.start();
        loop {
            let delay = {
                let outcome = retry.prove(attempt()).await;
                let verdict = outcome.as_ref().err().map(Classify::verdict);
                let Some(delay) = retry.again(verdict) else { return outcome };
                delay
            };
            delay.await;
        }
    }

    /// Begins one call under an idempotency key, made once for all its attempts.
    #[inline]
    pub fn start_with(&self, key: &IdempotencyKey) -> Attempts<'_> {
        Attempts::new(self, Sent::keyed(key))
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
    fn budget_state(&self) -> Option<&Budget> {
        self.slot.get(|states| self.look_up(states)).ok()
    }

    #[cold]
    #[expect(clippy::unnecessary_wraps, reason = "the shape a slot asks for")]
    fn look_up(&self, states: &States) -> Result<Arc<Budget>, Error> {
        let name = self.budget_name();
        Ok(states.state(self.slot.owner(name), || Budget::full(name)))
    }

    fn takes_from_budget(&self) -> bool {
        match self.budget {
            BudgetOf::None => true,
            _ => self.budget_state().is_none_or(|budget| budget.take(clock::now())),
        }
    }

    fn may_repeat(&self, verdict: &Verdict, statuses: &[u16]) -> bool {
        if self.repeat == Repeat::Never && verdict.effect == Effect::Unknown {
            return false;
        }
        match verdict.kind {
            Kind::Transient => true,
            Kind::Refused => false,
            Kind::Permanent | Kind::Caller => verdict.status.is_some_and(|status| statuses.contains(&status)),
        }
    }
}
