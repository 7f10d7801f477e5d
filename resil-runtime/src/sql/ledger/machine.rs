//! What becomes of an intent: a pure machine. Time is the database's, in milliseconds, and comes in as an argument; what
//! comes out is the next step, or the move to be written down before the next one.

mod meaning;
mod types;

pub(super) use types::{Action, Fact, Millis, Move, Now, Position, Receipt, Then};

use super::operation::Status;
use super::settings::{InDoubt, Settings};
use super::state::State;
use crate::policy::retry::{Backoff, Jitter};
use crate::sql::db::in_millis;
use crate::sql::worker::Failed;
use crate::{Effect, Kind, Verdict};
use std::time::Duration;
use types::{At, LONGEST_WAIT};

/// As our own errors have it too.
const UNKNOWN: &str = "the outcome is unknown";

/// Two readings of the database's clock differ by the way of the statements that read it.
const SLACK: Millis = 1_000;

/// When an intent was called of which only the partner's records tell.
pub(super) const BY_OTHERS: Millis = -1;

/// So often may a step of one intent panic.
const PANICS: u32 = 3;

impl Position {
    /// What claiming an intent does to it. The statement that claims says the same in SQL.
    #[cfg(test)]
    pub(super) fn claimed(mut self, now: Millis) -> Self {
        self.attempts += 1;
        self.since = self.since.or(Some(now));
        self.called = self.called.or(Some(now));
        match self.state {
            State::Recorded => self.state = State::Calling,
            State::Calling => {
                self.state = State::Unknown;
                // For as long as it settles by the settings of today.
                self.doubt_until = None;
            }
            _ => {}
        }
        self
    }

    /// The step that is due in this position.
    pub(super) fn next(&self, settings: &Settings, now: impl Into<Now>) -> Action {
        let now = now.into();
        match self.state {
            State::Recorded => Action::Go(self.going(State::Calling, "")),
            State::Calling if self.key_is_old(settings, now) => Action::Go(self.not_called_any_more(settings)),
            State::Calling => Action::Call,
            State::Unknown => self.next_in_doubt(settings, now),
            State::Succeeded => Action::Apply,
            State::Declined => Action::Reject,
            // What arrives after its cancellation would stand.
            State::Compensating => match self.doubt_until {
                Some(until) if now.early < until => {
                    let wait = millis(until.min(settled(settings, now)) - now.early);
                    Action::Go(self.postpone(State::Compensating, wait, "an earlier call may still arrive"))
                }
                _ => Action::Cancel,
            },
            State::Applied | State::Rejected | State::Compensated | State::Manual => Action::Rest,
        }
    }

    fn next_in_doubt(&self, settings: &Settings, now: Now) -> Action {
        let settled = settled(settings, now);
        if self.doubt_until.is_none_or(|until| until > settled.saturating_add(SLACK)) {
            // A worker was lost, the clock was set back, or an operator has put it here: no doubt lasts longer than it settles.
            return Action::Go(Move { doubt_until: Some(settled), ..self.going(State::Unknown, "waiting to settle") });
        }
        if settings.verifies {
            return Action::Check;
        }
        match settings.in_doubt {
            InDoubt::Repeat if self.key_is_old(settings, now) => {
                Action::Go(self.manual(&format!("{UNKNOWN}, and {}", old_key(settings))))
            }
            InDoubt::Repeat => Action::Go(self.going(State::Calling, "calling again under the same key")),
            InDoubt::Cancel if self.is_done_here => Action::Go(self.manual(UNKNOWN)),
            InDoubt::Cancel | InDoubt::Manual => Action::Go(self.give_up(settings, UNKNOWN)),
        }
    }

    /// When the last request with the key may leave: the partner may forget it, and a request is on its way for as long as
    /// it takes to settle.
    pub(super) fn key_until(&self, settings: &Settings) -> Option<Millis> {
        let lasts = settings.key_lifetime.saturating_sub(settings.settle);
        self.called.map(|called| called.saturating_add(in_millis(lasts)))
    }

    pub(super) fn key_is_old(&self, settings: &Settings, now: Now) -> bool {
        self.key_until(settings).is_some_and(|until| now.late >= until)
    }

    /// The key must not be sent any more. What was certainly not done is not; of everything else a person decides.
    fn not_called_any_more(&self, settings: &Settings) -> Move {
        let why = format!("not called again: {}", old_key(settings));
        match self.doubt_until {
            Some(_) if settings.verifies => self.going(State::Unknown, &why),
            _ if self.is_resolved || self.is_done_here => self.manual(&why),
            Some(_) => self.give_up(settings, &why),
            None => self.begin(State::Declined, &why),
        }
    }

    /// What follows from what a step has found out. What was asked is judged by when it was asked: `now` is early by when
    /// the step began, and late by when it ended. `random` is uniform in (0, 1].
    pub(super) fn after(
        &self,
        fact: Fact,
        settings: &Settings,
        now: impl Into<Now>,
        random: impl FnOnce() -> f64,
    ) -> Move {
        let to = self.after_fact(fact, &At { settings, now: now.into(), random: random() });
        // Nobody is told that it was not done, after having been told that it was, unless a person says so.
        let undoes = to.to != self.state && matches!(to.to, State::Declined | State::Compensating);
        if self.is_done_here && undoes { self.manual(&to.why) } else { to }
    }

    fn after_fact(&self, fact: Fact, at: &At<'_>) -> Move {
        let settings = at.settings;
        match fact {
            Fact::Called(Ok(receipt)) => self.succeeded(receipt, "the partner has answered"),
            Fact::OtherReceipt => self.manual("done, but with another receipt than the one in our own books"),
            Fact::Called(Err(failed)) => self.after_failed_call(&failed, at),
            Fact::Checked(Ok(status)) => self.after_check(status, at),
            Fact::Checked(Err(failed)) => {
                let why = format!("the status check failed: {}", failed.text);
                self.again(&failed, at, State::Unknown, &why, || self.give_up(settings, &why))
            }
            Fact::NotCancelled(failed) => {
                let why = format!("the cancellation failed: {}", failed.text);
                let is_refused = failed.is_certain() && !failed.passes() && !failed.is_ours();
                self.after_local(&failed, at, &why, is_refused)
            }
            Fact::NotApplied(failed) if failed.refuses && settings.compensates => {
                self.begin(State::Compensating, &format!("refused by our own books: {}", failed.text))
            }
            Fact::NotApplied(failed) => {
                let why = format!("our own books could not be written: {}", failed.text);
                self.after_local(&failed, at, &why, failed.refuses)
            }
            Fact::NotUndone(failed) => {
                let why = format!("our own books could not be undone: {}", failed.text);
                self.after_local(&failed, at, &why, failed.refuses)
            }
            Fact::Panicked(text) => self.after_panic(&text, at),
            Fact::Unreadable(text) => self.manual(&text),
        }
    }

    fn after_failed_call(&self, failed: &Failed, at: &At<'_>) -> Move {
        let (text, settings, now) = (&failed.text, at.settings, at.now);
        if failed.concludes(settings) {
            let in_call = failed.is_in_doubt.then(|| settled(settings, now));
            // The later of the two: an attempt of this very call may be under way for longer than an earlier one.
            let until = self.doubt_until.max(in_call);
            if let Some(until) = until.filter(|until| now.early < *until) {
                let doubt = Self { doubt_until: Some(until), ..*self };
                return doubt.wait(State::Unknown, millis(until - now.early), &format!("not believed yet: {text}"));
            }
            return self.begin(State::Declined, &format!("declined: {text}"));
        }
        if !failed.is_certain() {
            let doubt = Self { doubt_until: Some(settled(settings, now)), ..*self };
            let says_so = text.contains(UNKNOWN);
            let why = if says_so { text.clone() } else { format!("{UNKNOWN}: {text}") };
            return doubt.in_doubt(at, &why);
        }
        if self.doubt_until.is_some() {
            return self.after_failed_repeat(failed, at);
        }
        let exhausted = || self.begin(State::Declined, &format!("given up after {} attempts: {text}", self.attempts));
        if let Some(wait) = put_off(&failed.verdict) {
            return self.put_off(at, wait, State::Recorded, text, exhausted);
        }
        let not_called = format!("not called: {text}");
        if failed.is_ours() {
            return self.spend(at, State::Recorded, &not_called, || self.manual(&not_called));
        }
        if !failed.passes() {
            return self.begin(State::Declined, &format!("declined: {text}"));
        }
        self.spend(at, State::Recorded, &not_called, exhausted).no_sooner_than(failed.verdict.retry_after)
    }

    /// What failed for certain is the repeat. Of the earlier request it says nothing, now or later.
    fn after_failed_repeat(&self, failed: &Failed, at: &At<'_>) -> Move {
        let (text, settings) = (&failed.text, at.settings);
        let asked_for = !settings.verifies && settings.in_doubt != InDoubt::Repeat;
        // Only an operator calls these again, and he meant a call that leaves.
        let home = if asked_for { State::Recorded } else { State::Unknown };
        if let Some(wait) = put_off(&failed.verdict) {
            return self.put_off(at, wait, home, text, || {
                if settings.verifies { self.going(State::Unknown, text) } else { self.give_up(settings, text) }
            });
        }
        let why = format!("{UNKNOWN}, and a repeat was not done: {text}");
        let to = if asked_for && failed.passes() {
            self.spend(at, home, &why, || self.give_up(settings, &why))
        } else {
            self.in_doubt(at, &why)
        };
        to.no_sooner_than(failed.verdict.retry_after)
    }

    fn after_check(&self, status: Status<Receipt>, at: &At<'_>) -> Move {
        let (settings, now) = (at.settings, at.now);
        match status {
            Status::Applied(receipt) => self.succeeded(receipt, "the partner says it was applied"),
            Status::Contradictory(text) => self.manual(&format!("the partner contradicts itself: {text}")),
            Status::Pending => {
                let why = "the partner says it is pending";
                self.spend(at, State::Unknown, why, || self.give_up(settings, why))
            }
            Status::NotApplied => match self.doubt_until {
                Some(until) if now.early < until => {
                    self.postpone(State::Unknown, millis(until - now.early), "not applied, which is not believed yet")
                }
                _ => {
                    let why = "the partner says it was not applied";
                    let cleared = Self { doubt_until: None, ..*self };
                    if self.called == Some(BY_OTHERS) {
                        return cleared.manual(&format!("{why}, and its records have it as done"));
                    }
                    if self.key_is_old(settings, now) {
                        return cleared.begin(State::Declined, &format!("{why}, and {}", old_key(settings)));
                    }
                    cleared.spend(at, State::Recorded, why, || self.begin(State::Declined, why))
                }
            },
        }
    }

    /// After a step of our own books, or a cancellation, that failed.
    fn after_local(&self, failed: &Failed, at: &At<'_>, why: &str, is_refused: bool) -> Move {
        match put_off(&failed.verdict) {
            None if is_refused => self.manual(why),
            _ => self.again(failed, at, self.state, why, || self.manual(why)),
        }
    }

    fn after_panic(&self, text: &str, at: &At<'_>) -> Move {
        let why = format!("panicked: {text}");
        let is_calling = self.state == State::Calling;
        let doubt_until = if is_calling { Some(settled(at.settings, at.now)) } else { self.doubt_until };
        let panicked = Self { panics: self.panics + 1, doubt_until, ..*self };
        match self.state {
            _ if panicked.panics >= PANICS => panicked.manual(&why),
            State::Calling => panicked.in_doubt(at, &why),
            state => panicked.spend(at, state, &why, || panicked.manual(&why)),
        }
    }

    /// The outcome is unknown. A status check may know it at once; a repeat waits.
    fn in_doubt(&self, at: &At<'_>, why: &str) -> Move {
        if at.settings.verifies {
            // Also after the last attempt: nothing is given up without having asked.
            let attempts = self.attempts.saturating_add(1);
            return Move { attempts, put_off: 0, ..self.going(State::Unknown, why) };
        }
        if self.is_exhausted(at) {
            return self.give_up(at.settings, why);
        }
        match at.settings.in_doubt {
            InDoubt::Repeat => self.spend(at, State::Unknown, why, || self.manual(why)),
            InDoubt::Cancel | InDoubt::Manual => self.give_up(at.settings, why),
        }
    }

    /// Nobody will say whether it was applied: it is cancelled, or left to an operator.
    fn give_up(&self, settings: &Settings, why: &str) -> Move {
        match settings.in_doubt {
            InDoubt::Cancel => self.begin(State::Compensating, why),
            InDoubt::Repeat | InDoubt::Manual => self.manual(why),
        }
    }

    fn succeeded(&self, receipt: Receipt, why: &str) -> Move {
        Move { receipt: Some(receipt), ..self.begin(State::Succeeded, why) }
    }

    /// A new stretch of the way, with all attempts and all the time before it.
    fn begin(&self, to: State, why: &str) -> Move {
        Move { attempts: 1, put_off: 0, begins: true, ..self.going(to, why) }
    }

    fn going(&self, to: State, why: &str) -> Move {
        let Self { attempts, panics, put_off, doubt_until, .. } = *self;
        let keeps_why = to == self.state && matches!(to, State::Declined | State::Compensating);
        let (then, why) = (Then::GoOn, why.to_owned());
        Move { to, attempts, panics, put_off, begins: false, doubt_until, then, receipt: None, why, keeps_why }
    }

    fn wait(&self, to: State, wait: Duration, why: &str) -> Move {
        Move { then: Then::Wait(wait), ..self.going(to, why) }
    }

    /// Waits without having spent an attempt.
    fn postpone(&self, to: State, wait: Duration, why: &str) -> Move {
        Move { attempts: self.attempts.saturating_sub(1), ..self.wait(to, wait, why) }
    }

    /// After a failure of a step that is not decided by it.
    fn again(&self, failed: &Failed, at: &At<'_>, to: State, why: &str, exhausted: impl FnOnce() -> Move) -> Move {
        match put_off(&failed.verdict) {
            Some(wait) => self.put_off(at, wait, to, why, exhausted),
            None => self.spend(at, to, why, exhausted),
        }
    }

    /// One of our own policies has refused: no attempt is spent. It waits longer each time, and not in step with others that
    /// were told the same time.
    fn put_off(&self, at: &At<'_>, wait: Duration, to: State, why: &str, exhausted: impl FnOnce() -> Move) -> Move {
        if self.is_too_late(at) {
            return exhausted();
        }
        let times = self.put_off.saturating_add(1);
        let wait = wait.saturating_add(backoff(at, times)).max(Duration::from_millis(1));
        Move { put_off: times, ..self.postpone(to, wait, why) }
    }

    /// Waits before the next attempt; or there is none.
    fn spend(&self, at: &At<'_>, to: State, why: &str, exhausted: impl FnOnce() -> Move) -> Move {
        if self.is_exhausted(at) {
            return exhausted();
        }
        Move { put_off: 0, ..self.wait(to, backoff(at, self.attempts), why) }
    }

    fn is_exhausted(&self, at: &At<'_>) -> bool {
        self.attempts >= at.settings.attempts || self.is_too_late(at)
    }

    fn is_too_late(&self, at: &At<'_>) -> bool {
        self.since.is_some_and(|since| millis(at.now.early.saturating_sub(since)) >= at.settings.give_up)
    }

    fn manual(&self, why: &str) -> Move {
        Move { then: Then::Rest, put_off: 0, ..self.going(State::Manual, why) }
    }

    /// Our own books were written, in the same transaction as this. What was not done keeps its reason.
    pub(super) fn done(&self) -> Move {
        let to = match self.state {
            State::Succeeded => State::Applied,
            State::Compensating => State::Compensated,
            _ => State::Rejected,
        };
        let keeps_why = to != State::Applied;
        Move { then: Then::Rest, doubt_until: None, keeps_why, ..self.going(to, "") }
    }
}

/// From when on nothing can arrive any more that leaves now.
fn settled(settings: &Settings, now: Now) -> Millis {
    now.late.saturating_add(in_millis(settings.settle))
}

fn millis(millis: Millis) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn old_key(settings: &Settings) -> String {
    format!("the partner may have forgotten the key, which it keeps for {:?}", settings.key_lifetime)
}

fn backoff(at: &At<'_>, attempt: u32) -> Duration {
    let Settings { base, max, .. } = *at.settings;
    Backoff { base, factor: 2.0, max, jitter: Jitter::Full }.delay(attempt, Duration::ZERO, || at.random)
}

/// How long to wait at least where nothing was attempted, because one of our own policies refused.
fn put_off(verdict: &Verdict) -> Option<Duration> {
    let is_ours = verdict.kind == Kind::Refused && verdict.effect == Effect::None;
    is_ours.then(|| verdict.retry_after.unwrap_or_default().min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests;
