use super::doubt::KeyedCall;
use super::{Delay, IdempotencyKey, Proven, Retry, Why};
use crate::context::{self, Keyed, Repeat, Sent};
use crate::registry::events;
use crate::{Due, Effect, Verdict, clock};
use std::time::Duration;

/// Without a deadline, a peer that asks for a longer pause than this is not waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// One call's attempts: a machine that says, after each, whether to wait and try again.
///
/// It remembers whether anything that was sent may have acted. While that is so, a failure that claims to have had no
/// effect is not believed: it speaks of the last request, not of the call.
#[must_use = "attempts decide nothing until asked"]
#[derive(Debug)]
pub struct Attempts<'a> {
    pub(super) retry: &'a Retry,
    pub(super) keyed: Option<Box<KeyedCall>>,
    deadline: Option<Due>,
    sent: Sent,
    /// Nanoseconds.
    previous: u64,
    made: u32,
    /// An attempt ended in a way that nobody can be certain of.
    in_doubt: bool,
}

impl<'a> Attempts<'a> {
    #[inline]
    pub(super) fn new(retry: &'a Retry, key: Option<&IdempotencyKey>) -> Self {
        let keyed = key.map(|key| Box::new(KeyedCall::new(key.clone())));
        Self { retry, keyed, deadline: None, sent: Sent::new(), previous: 0, made: 0, in_doubt: false }
    }

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
                if let Some(keyed) = &mut self.keyed {
                    keyed.attempt_ended(self.retry.site, true);
                }
                self.retry.reward();
                None
            }
            Some(verdict) => self.after(verdict),
        }
    }

    fn after(&mut self, verdict: Verdict) -> Option<Delay> {
        let retry = self.retry;
        let verdict = self.read(verdict);
        self.made = self.made.saturating_add(1);
        // Where adapters saw requests and none of them can act, the failure is one of those.
        if verdict.effect == Effect::Unknown && (self.keyed.is_some() || !self.sent.has_seen_harmless_only()) {
            self.in_doubt = true;
            context::sent();
        }
        if self.keyed.as_mut().is_some_and(|keyed| keyed.attempt_ended(retry.site, false)) {
            return None;
        }
        if !retry.may_repeat(&verdict) {
            return None;
        }
        if self.made >= retry.attempts {
            return self.give_up(Why::NoAttemptsLeft);
        }
        let previous = Duration::from_nanos(self.previous);
        let backoff = retry.backoff.delay(self.made, previous, || 1.0 - fastrand::f64());
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
        self.previous = clock::nanos(backoff);
        events::retry(retry.site, self.made, delay, &verdict);
        Some(Delay::of(delay))
    }

    /// Runs an attempt so that the calls within know what allows them to be repeated.
    #[inline]
    pub fn prove<F>(&self, body: F) -> Proven<'_, F> {
        Proven::new(body, self)
    }

    /// Whether anything that was sent, in any attempt, may have acted.
    pub fn may_have_acted(&self) -> bool {
        self.in_doubt || self.sent.may_have_acted()
    }

    /// A verdict is no more certain than the call.
    pub(super) fn read(&self, verdict: Verdict) -> Verdict {
        let effect = if self.may_have_acted() { Effect::Unknown } else { verdict.effect };
        Verdict { effect, ..verdict }
    }

    fn give_up(&self, why: Why) -> Option<Delay> {
        events::gave_up(self.retry.site, self.made, why);
        None
    }

    pub(crate) fn repeat(&self) -> Repeat {
        self.retry.repeat
    }

    pub(crate) fn sent(&self) -> &Sent {
        &self.sent
    }

    /// The key of the attempt to come.
    pub(crate) fn keyed(&self) -> Option<Keyed> {
        self.keyed.as_ref().map(|keyed| keyed.attempt(self.sent.record(), self.made))
    }
}
