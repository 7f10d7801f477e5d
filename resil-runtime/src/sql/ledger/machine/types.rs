//! What the machine takes and gives.

use crate::sql::ledger::operation::Status;
use crate::sql::ledger::settings::Settings;
use crate::sql::ledger::state::State;
use crate::sql::worker::Failed;
use std::time::Duration;

/// Milliseconds since 1970, by the database's clock.
pub(in crate::sql::ledger) type Millis = i64;

/// What is known of the database's clock at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql::ledger) struct Now {
    /// No later than it shows. Whether nothing can arrive any more is judged by this.
    pub(in crate::sql::ledger) early: Millis,
    /// No earlier than it shows. From when on nothing can arrive any more is counted from this.
    pub(in crate::sql::ledger) late: Millis,
}

#[cfg(test)]
impl From<Millis> for Now {
    fn from(now: Millis) -> Self {
        Self { early: now, late: now }
    }
}

/// What a step is judged by, beside what it has found out.
pub(super) struct At<'a> {
    pub(super) settings: &'a Settings,
    pub(super) now: Now,
    /// Uniform in (0, 1].
    pub(super) random: f64,
}

/// What of an intent decides its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql::ledger) struct Position {
    pub(in crate::sql::ledger) state: State,
    /// Steps begun since the last progress, this one included: claiming the intent begins one.
    pub(in crate::sql::ledger) attempts: u32,
    pub(in crate::sql::ledger) panics: u32,
    /// How often in a row one of our own policies has refused: nothing was attempted.
    pub(in crate::sql::ledger) put_off: u32,
    /// Since when it is tried, counted from the last progress.
    pub(in crate::sql::ledger) since: Option<Millis>,
    /// When the first call began: from then on the partner may know the key, and may forget it.
    pub(in crate::sql::ledger) called: Option<Millis>,
    /// Until when a request may still arrive whose outcome is unknown; `None` if there is none.
    pub(in crate::sql::ledger) doubt_until: Option<Millis>,
    /// Whether our own books say that it is done: a comparison with the partner's has put it on its way again.
    pub(in crate::sql::ledger) is_done_here: bool,
    /// Whether an operator has decided about it: what he has ended was not certain.
    pub(in crate::sql::ledger) is_resolved: bool,
}

/// What a worker is to do next.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sql::ledger) enum Action {
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
pub(in crate::sql::ledger) enum Fact {
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
    pub(in crate::sql::ledger) fn failed(&self) -> Option<&Failed> {
        match self {
            Self::Called(outcome) => outcome.as_ref().err(),
            Self::Checked(outcome) => outcome.as_ref().err(),
            Self::NotCancelled(failed) | Self::NotApplied(failed) | Self::NotUndone(failed) => Some(failed),
            Self::Panicked(_) | Self::Unreadable(_) | Self::OtherReceipt => None,
        }
    }
}

/// What the partner answered, as text.
pub(in crate::sql::ledger) type Receipt = String;

/// A change to be written down.
#[must_use = "a move that is not written down has not happened"]
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sql::ledger) struct Move {
    pub(in crate::sql::ledger) to: State,
    pub(in crate::sql::ledger) attempts: u32,
    pub(in crate::sql::ledger) panics: u32,
    pub(in crate::sql::ledger) put_off: u32,
    /// Whether this is progress, from which on it is tried anew.
    pub(in crate::sql::ledger) begins: bool,
    pub(in crate::sql::ledger) doubt_until: Option<Millis>,
    pub(in crate::sql::ledger) then: Then,
    pub(in crate::sql::ledger) receipt: Option<Receipt>,
    /// For the history.
    pub(in crate::sql::ledger) why: String,
    /// Whether the intent still stands there for the reason it had: what goes wrong on the way back is no new one.
    pub(in crate::sql::ledger) keeps_why: bool,
}

/// What follows a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql::ledger) enum Then {
    /// The same worker goes on.
    GoOn,
    /// Any worker, after so long.
    Wait(Duration),
    /// Nobody.
    Rest,
}

/// However long the partner asks us to wait.
pub(super) const LONGEST_WAIT: Duration = Duration::from_hours(1);

impl Move {
    /// Waits for as long as the partner asked to, up to an hour.
    pub(super) fn no_sooner_than(mut self, wait: Option<Duration>) -> Self {
        if let (Then::Wait(backoff), Some(wait)) = (self.then, wait) {
            self.then = Then::Wait(backoff.max(wait.min(LONGEST_WAIT)));
        }
        self
    }
}
