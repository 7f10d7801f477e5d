//! What becomes of an intent: a pure machine. Time is the database's, in milliseconds, and comes in as an argument; what
//! comes out is the next step, or the move to be written down before the next one.

mod meaning;

use super::operation::Status;
use super::settings::{InDoubt, Settings};
use super::state::State;
use crate::policy::retry::{Backoff, Jitter};
use crate::sql::worker::Failed;
use crate::{Effect, Kind, Verdict};
use std::time::Duration;

/// Milliseconds since 1970, by the database's clock.
pub(super) type Millis = i64;

/// What is known of the database's clock at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Now {
    /// No later than it shows. Whether nothing can arrive any more is judged by this.
    pub(super) early: Millis,
    /// No earlier than it shows. From when on nothing can arrive any more is counted from this.
    pub(super) late: Millis,
}

#[cfg(test)]
impl From<Millis> for Now {
    fn from(now: Millis) -> Self {
        Self { early: now, late: now }
    }
}

const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// As our own errors have it too.
const UNKNOWN: &str = "the outcome is unknown";

/// Two readings of the database's clock differ by the way of the statements that read it.
const SLACK: Millis = 1_000;

/// So often may a step of one intent panic.
const PANICS: u32 = 3;

/// What of an intent decides its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) state: State,
    /// Steps begun since the last progress, this one included: claiming the intent begins one.
    pub(super) attempts: u32,
    pub(super) panics: u32,
    /// Until when a request may still arrive whose outcome is unknown; `None` if there is none.
    pub(super) doubt_until: Option<Millis>,
    /// Whether our own books say that it is done: a comparison with the partner's has put it on its way again.
    pub(super) is_done_here: bool,
}

/// What a worker is to do next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Call the partner.
    Call,
    /// Ask the partner for the status.
    Check,
    /// Cancel with the partner.
    Cancel,
    /// Write into our own books that it was done.
    Apply,
    /// Write into our own books that it was not done.
    Reject,
    /// Write this down first.
    Go(Move),
    /// Nothing.
    Rest,
}

/// What a step has found out.
#[derive(Debug)]
pub(super) enum Fact {
    Called(Result<Receipt, Failed>),
    Checked(Result<Status<Receipt>, Failed>),
    /// Only a failure is a fact: a success is written down together with our own books.
    NotCancelled(Failed),
    NotApplied(Failed),
    NotUndone(Failed),
    Panicked(String),
    /// The arguments or the receipt are not what this program stores.
    Unreadable(String),
    /// It was done again, and our own books hold the receipt of the first time.
    OtherReceipt,
}

impl Fact {
    /// Why the step failed, if it did.
    pub(super) fn failed(&self) -> Option<&Failed> {
        match self {
            Self::Called(outcome) => outcome.as_ref().err(),
            Self::Checked(outcome) => outcome.as_ref().err(),
            Self::NotCancelled(failed) | Self::NotApplied(failed) | Self::NotUndone(failed) => Some(failed),
            Self::Panicked(_) | Self::Unreadable(_) | Self::OtherReceipt => None,
        }
    }
}

/// What the partner answered, as text.
pub(super) type Receipt = String;

/// A change to be written down.
#[must_use = "a move that is not written down has not happened"]
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Move {
    pub(super) to: State,
    pub(super) attempts: u32,
    pub(super) panics: u32,
    pub(super) doubt_until: Option<Millis>,
    pub(super) then: Then,
    pub(super) receipt: Option<Receipt>,
    /// For the history.
    pub(super) why: String,
    /// Whether the intent still stands there for the reason it had: what goes wrong on the way back is no new one.
    pub(super) keeps_why: bool,
}

/// What follows a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The same worker goes on.
    GoOn,
    /// Any worker, after so long.
    Wait(Duration),
    /// Nobody.
    Rest,
}

impl Position {
    /// What claiming an intent does to it. The statement that claims says the same in SQL.
    #[cfg(test)]
    pub(super) fn claimed(mut self, now: Millis, settle: Millis) -> Self {
        self.attempts += 1;
        match self.state {
            State::Recorded => self.state = State::Calling,
            State::Calling => {
                self.state = State::Unknown;
                self.doubt_until = Some(now + settle);
            }
            _ => {}
        }
        self
    }

    /// The step that is due in this position.
    pub(super) fn next(&self, settings: &Settings, now: impl Into<Now>) -> Step {
        let now = now.into();
        match self.state {
            State::Recorded => Step::Go(self.going(State::Calling, "")),
            State::Calling => Step::Call,
            State::Unknown => self.next_in_doubt(settings, now),
            State::Succeeded => Step::Apply,
            State::Declined => Step::Reject,
            // What arrives after its cancellation would stand.
            State::Compensating => match self.doubt_until {
                Some(until) if now.early < until => {
                    let wait = millis(until.min(settled(settings, now)) - now.early);
                    Step::Go(self.postpone(State::Compensating, wait, "an earlier call may still arrive"))
                }
                _ => Step::Cancel,
            },
            State::Applied | State::Rejected | State::Compensated | State::Manual => Step::Rest,
        }
    }

    fn next_in_doubt(&self, settings: &Settings, now: Now) -> Step {
        let settled = settled(settings, now);
        if self.doubt_until.is_none_or(|until| until > settled.saturating_add(SLACK)) {
            // The clock was set back, or an operator has put it here: no doubt lasts longer than it settles.
            return Step::Go(Move { doubt_until: Some(settled), ..self.going(State::Unknown, "waiting to settle") });
        }
        if settings.verifies {
            return Step::Check;
        }
        match settings.in_doubt {
            InDoubt::Repeat => Step::Go(self.going(State::Calling, "calling again under the same key")),
            InDoubt::Cancel if self.is_done_here => Step::Go(self.manual(UNKNOWN)),
            InDoubt::Cancel | InDoubt::Manual => Step::Go(self.give_up(settings, UNKNOWN)),
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
        let to = self.after_fact(fact, settings, now.into(), random);
        // Nobody is told that it was not done, after having been told that it was, unless a person says so.
        let undoes = to.to != self.state && matches!(to.to, State::Declined | State::Compensating);
        if self.is_done_here && undoes { self.manual(&to.why) } else { to }
    }

    fn after_fact(&self, fact: Fact, settings: &Settings, now: Now, random: impl FnOnce() -> f64) -> Move {
        match fact {
            Fact::Called(Ok(receipt)) => self.succeeded(receipt, "the partner has answered"),
            Fact::OtherReceipt => self.manual("done, but with another receipt than the one in our own books"),
            Fact::Called(Err(failed)) => self.after_failed_call(&failed, settings, now, random),
            Fact::Checked(Ok(status)) => self.after_check(status, settings, now, random),
            Fact::Checked(Err(failed)) => {
                let why = format!("the status check failed: {}", failed.text);
                match postponed(&failed.verdict, settings) {
                    Some(wait) => self.postpone(State::Unknown, wait, &why),
                    None => self.spend(settings, random, State::Unknown, &why, || self.give_up(settings, &why)),
                }
            }
            Fact::NotCancelled(failed) => {
                let why = format!("the cancellation failed: {}", failed.text);
                let is_refused = failed.is_certain() && !failed.passes() && !failed.is_ours();
                self.after_local(&failed, settings, random, &why, is_refused)
            }
            Fact::NotApplied(failed) if failed.refuses && settings.compensates => {
                self.begin(State::Compensating, &format!("refused by our own books: {}", failed.text))
            }
            Fact::NotApplied(failed) => {
                let why = format!("our own books could not be written: {}", failed.text);
                self.after_local(&failed, settings, random, &why, failed.refuses)
            }
            Fact::NotUndone(failed) => {
                let why = format!("our own books could not be undone: {}", failed.text);
                self.after_local(&failed, settings, random, &why, failed.refuses)
            }
            Fact::Panicked(text) => self.after_panic(&text, settings, now, random),
            Fact::Unreadable(text) => self.manual(&text),
        }
    }

    fn after_failed_call(&self, failed: &Failed, settings: &Settings, now: Now, random: impl FnOnce() -> f64) -> Move {
        let text = &failed.text;
        if failed.concludes(settings) {
            let in_call = failed.is_in_doubt.then(|| settled(settings, now));
            let until = self.doubt_until.or(in_call);
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
            return doubt.in_doubt(settings, random, &why);
        }
        let home = if self.doubt_until.is_some() { State::Unknown } else { State::Recorded };
        if let Some(wait) = postponed(&failed.verdict, settings) {
            return self.postpone(home, wait, text);
        }
        if self.doubt_until.is_some() {
            // What is refused is the repeat. Of the earlier request it says nothing, now or later.
            let why = format!("{UNKNOWN}, and a repeat was not done: {text}");
            return self.in_doubt(settings, random, &why).no_sooner_than(failed.verdict.retry_after);
        }
        let not_called = format!("not called: {text}");
        if failed.is_ours() {
            return self.spend(settings, random, State::Recorded, &not_called, || self.manual(&not_called));
        }
        if !failed.passes() {
            return self.begin(State::Declined, &format!("declined: {text}"));
        }
        let exhausted = || self.begin(State::Declined, &format!("given up after {} attempts: {text}", self.attempts));
        let again = self.spend(settings, random, State::Recorded, &not_called, exhausted);
        again.no_sooner_than(failed.verdict.retry_after)
    }

    fn after_check(
        &self,
        status: Status<Receipt>,
        settings: &Settings,
        now: Now,
        random: impl FnOnce() -> f64,
    ) -> Move {
        let give_up = |why: &str| self.give_up(settings, why);
        match status {
            Status::Applied(receipt) => self.succeeded(receipt, "the partner says it was applied"),
            Status::Contradictory(text) => self.manual(&format!("the partner contradicts itself: {text}")),
            Status::Pending => {
                let why = "the partner says it is pending";
                self.spend(settings, random, State::Unknown, why, || give_up(why))
            }
            Status::NotApplied => match self.doubt_until {
                Some(until) if now.early < until => {
                    self.postpone(State::Unknown, millis(until - now.early), "not applied, which is not believed yet")
                }
                _ => {
                    let why = "the partner says it was not applied";
                    let cleared = Self { doubt_until: None, ..*self };
                    cleared.spend(settings, random, State::Recorded, why, || self.begin(State::Declined, why))
                }
            },
        }
    }

    /// After a step of our own books, or a cancellation, that failed.
    fn after_local(
        &self,
        failed: &Failed,
        settings: &Settings,
        random: impl FnOnce() -> f64,
        why: &str,
        is_refused: bool,
    ) -> Move {
        match postponed(&failed.verdict, settings) {
            Some(wait) => self.postpone(self.state, wait, why),
            None if is_refused => self.manual(why),
            None => self.spend(settings, random, self.state, why, || self.manual(why)),
        }
    }

    fn after_panic(&self, text: &str, settings: &Settings, now: Now, random: impl FnOnce() -> f64) -> Move {
        let why = format!("panicked: {text}");
        let panicked = Self { panics: self.panics + 1, ..*self };
        if panicked.panics >= PANICS {
            return panicked.manual(&why);
        }
        match self.state {
            State::Calling => {
                let doubt = Self { doubt_until: Some(settled(settings, now)), ..panicked };
                doubt.in_doubt(settings, random, &why)
            }
            state => panicked.spend(settings, random, state, &why, || panicked.manual(&why)),
        }
    }

    /// The outcome is unknown. A status check may know it at once; a repeat waits.
    fn in_doubt(&self, settings: &Settings, random: impl FnOnce() -> f64, why: &str) -> Move {
        if self.attempts >= settings.attempts {
            return self.give_up(settings, why);
        }
        if settings.verifies {
            return Move { attempts: self.attempts + 1, ..self.going(State::Unknown, why) };
        }
        match settings.in_doubt {
            InDoubt::Repeat => self.spend(settings, random, State::Unknown, why, || self.manual(why)),
            InDoubt::Cancel | InDoubt::Manual => self.give_up(settings, why),
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

    /// A new stretch of the way, with all attempts before it.
    fn begin(&self, to: State, why: &str) -> Move {
        Move { attempts: 1, ..self.going(to, why) }
    }

    fn going(&self, to: State, why: &str) -> Move {
        let Self { attempts, panics, doubt_until, .. } = *self;
        let keeps_why = to == self.state && matches!(to, State::Declined | State::Compensating);
        Move { to, attempts, panics, doubt_until, then: Then::GoOn, receipt: None, why: why.to_owned(), keeps_why }
    }

    fn wait(&self, to: State, wait: Duration, why: &str) -> Move {
        Move { then: Then::Wait(wait), ..self.going(to, why) }
    }

    /// Waits without having spent an attempt.
    fn postpone(&self, to: State, wait: Duration, why: &str) -> Move {
        Move { attempts: self.attempts.saturating_sub(1), ..self.wait(to, wait, why) }
    }

    /// Waits before the next attempt; or there is none.
    fn spend(
        &self,
        settings: &Settings,
        random: impl FnOnce() -> f64,
        to: State,
        why: &str,
        exhausted: impl FnOnce() -> Move,
    ) -> Move {
        if self.attempts >= settings.attempts {
            return exhausted();
        }
        let backoff = Backoff { base: settings.base, factor: 2.0, max: settings.max, jitter: Jitter::Full };
        self.wait(to, backoff.delay(self.attempts, Duration::ZERO, random), why)
    }

    fn manual(&self, why: &str) -> Move {
        Move { then: Then::Rest, ..self.going(State::Manual, why) }
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

impl Move {
    /// Waits for as long as the partner asked to, up to an hour.
    fn no_sooner_than(mut self, wait: Option<Duration>) -> Self {
        if let (Then::Wait(backoff), Some(wait)) = (self.then, wait) {
            self.then = Then::Wait(backoff.max(wait.min(LONGEST_WAIT)));
        }
        self
    }
}

/// From when on nothing can arrive any more that leaves now.
fn settled(settings: &Settings, now: Now) -> Millis {
    now.late.saturating_add(i64::try_from(settings.settle.as_millis()).unwrap_or(i64::MAX))
}

fn millis(millis: Millis) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// How long to wait where nothing was attempted, because one of our own policies refused.
fn postponed(verdict: &Verdict, settings: &Settings) -> Option<Duration> {
    let is_ours = verdict.kind == Kind::Refused && verdict.effect == Effect::None;
    let wait = verdict.retry_after.unwrap_or(settings.base);
    is_ours.then(|| wait.clamp(Duration::from_millis(1), LONGEST_WAIT))
}

#[cfg(test)]
mod tests;
