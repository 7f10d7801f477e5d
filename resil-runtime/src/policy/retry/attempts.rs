use super::{Delay, Proven, Retry, Why};
use crate::context::{self, Due, GivenUp, Sent};
use crate::registry::events;
use crate::{Effect, Verdict, clock};
use std::time::Duration;

/// Without a deadline, a partner that asks for a longer pause than this is not waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// One call's attempts: a machine that says, after each, whether to wait and try again.
///
/// It remembers whether anything that was sent may have acted. While that is so, a failure that claims to have had no
/// effect is not believed: it reports on the last request, not on the call.
#[must_use = "attempts decide nothing until asked"]
#[derive(Debug)]
pub struct Attempts<'a> {
    pub(super) retry: &'a Retry,
    deadline: Option<Due>,
    sent: Sent,
    /// Nanoseconds.
    previous: u64,
    /// An attempt ended in a way that nobody can be certain of.
    in_doubt: bool,
    /// The key of an attempt never left, and a test wants to know.
    pub(super) key_stayed: bool,
}

impl<'a> Attempts<'a> {
    #[inline]
    pub(super) const fn new(retry: &'a Retry, sent: Sent) -> Self {
        Self { retry, deadline: None, sent, previous: 0, in_doubt: false, key_stayed: false }
    }

    /// Never waits past this deadline: what does not fit is not tried.
    #[inline]
    pub fn within(mut self, due: Due) -> Self {
        self.deadline = Some(due);
        self
    }

    /// Whether to try again, and after what delay. `None` as a verdict is a success.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every call that succeeds")]
    pub fn again(&mut self, verdict: Option<Verdict>) -> Option<Delay> {
        match verdict {
            None => {
                self.retry.reward();
                None
            }
            Some(verdict) => self.after(verdict),
        }
    }

    #[cold]
    fn after(&mut self, failure: Verdict) -> Option<Delay> {
        let retry = self.retry;
        let is_given_up = self.sent.failed_within(&failure) && !retry.is_nested;
        let verdict = self.read(failure);
        self.sent.attempts = self.sent.attempts.saturating_add(1);
        let made = self.sent.attempts;
        let is_harmless = self.sent.failed_harmlessly() && !self.sent.is_keyed();
        if verdict.effect == Effect::Unknown && !is_harmless {
            self.in_doubt = true;
            context::sent();
        }
        // Where no key was given, nobody would recognise the repetition.
        if self.sent.is_keyed() && (!self.sent.has_key() || self.keyed_attempt_ended(false)) {
            return None;
        }
        let now = retry.now();
        let backing_off = &now.backoff;
        if !retry.may_repeat(&verdict, now.statuses.all()) {
            return self.ends(Why::NotRepeatable, &verdict);
        }
        if is_given_up {
            return self.give_up(Why::GivenUpWithin, failure);
        }
        if made >= now.attempts {
            return self.give_up(Why::NoAttemptsLeft, failure);
        }
        let previous = Duration::from_nanos(self.previous);
        let backoff = backing_off.delay(made, previous, || 1.0 - fastrand::f64());
        let named = verdict.retry_after.unwrap_or_default();
        let left = self.deadline.or_else(context::deadline).map(|due| due.remaining());
        let delay = match verdict.retry_after {
            Some(named) => backing_off.after(named, backoff, left, || 1.0 - fastrand::f64()),
            None => backoff,
        };
        match left {
            // An attempt needs time as well: a delay that ends with the deadline does not fit.
            Some(left) if left <= delay => return self.give_up(Why::DeadlineNear, failure),
            None if named > LONGEST_RETRY_AFTER.max(backing_off.max) => {
                return self.give_up(Why::PauseTooLong, failure);
            }
            _ => {}
        }
        if !retry.takes_from_budget() {
            return self.give_up(Why::BudgetSpent, failure);
        }
        self.previous = clock::nanos(backoff);
        events::retry(retry.site, made, delay, &verdict);
        Some(Delay::of(delay))
    }

    /// Runs an attempt so that the calls within know what allows them to be repeated.
    #[inline]
    pub fn prove<F>(&mut self, body: F) -> Proven<'_, F> {
        Proven::new(body, &mut self.sent)
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

    /// For good: no retry around this one takes it up again, unless it says so.
    fn give_up(&self, why: Why, failure: Verdict) -> Option<Delay> {
        let verdict = self.read(failure);
        context::given_up(GivenUp { attempt: failure, call: verdict });
        self.ends(why, &verdict)
    }

    fn ends(&self, why: Why, verdict: &Verdict) -> Option<Delay> {
        events::gave_up(self.retry.site, self.sent.attempts, why, verdict);
        None
    }

    #[inline]
    pub(crate) fn sent(&mut self) -> &mut Sent {
        &mut self.sent
    }
}
