use crate::Site;
use crate::registry::Intents;
use std::fmt;
use std::time::Duration;

/// Where an intent stands.
///
/// ```text
/// Recorded → Calling → Succeeded → Applied
///            Calling: certainly not done → Declined → Rejected
///            Calling: ambiguous, or the worker was lost → Unknown
/// Unknown: applied → Succeeded · not applied, after `settle` → Recorded · contradictory → Manual
/// Succeeded but refused here, or Unknown under a cancel policy → Compensating → Compensated
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It is to be done, and nothing of it has left the process.
    Recorded,
    /// A request may be under way.
    Calling,
    /// Nobody knows whether the partner acted.
    Unknown,
    /// The partner has acted; our own books do not know yet.
    Succeeded,
    /// The partner has certainly not acted, and will not; our own books do not know yet.
    Declined,
    /// It is to be cancelled with the partner.
    Compensating,
    /// Done, here and there.
    Applied,
    /// Not done, neither here nor there.
    Rejected,
    /// Cancelled there, undone here.
    Compensated,
    /// The two books cannot be brought together without an operator.
    Manual,
}

impl State {
    pub(super) const ALL: [Self; 10] = [
        Self::Recorded,
        Self::Calling,
        Self::Unknown,
        Self::Succeeded,
        Self::Declined,
        Self::Compensating,
        Self::Applied,
        Self::Rejected,
        Self::Compensated,
        Self::Manual,
    ];

    /// As it is stored.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Recorded => "RECORDED",
            Self::Calling => "CALLING",
            Self::Unknown => "UNKNOWN",
            Self::Succeeded => "SUCCEEDED",
            Self::Declined => "DECLINED",
            Self::Compensating => "COMPENSATING",
            Self::Applied => "APPLIED",
            Self::Rejected => "REJECTED",
            Self::Compensated => "COMPENSATED",
            Self::Manual => "MANUAL",
        }
    }

    pub(super) fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.text() == text)
    }

    /// Whether nothing will happen to it any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Applied | Self::Rejected | Self::Compensated)
    }

    /// So many intents in this state.
    pub(super) fn intents(self, operation: &'static str, number: u64, oldest: Option<Duration>) -> Intents {
        Intents { operation, state: self.text(), needs_operator: self == Self::Manual, number, oldest }
    }

    /// Whether a worker has nothing to do with it.
    pub(super) fn rests(self) -> bool {
        self.is_final() || self == Self::Manual
    }
}

/// No intents of this operation, in each state that is not the end.
pub(crate) fn no_intents(operation: &'static str) -> impl Iterator<Item = Intents> {
    let open = State::ALL.into_iter().filter(|state| !state.is_final());
    open.map(move |state| state.intents(operation, 0, None))
}

/// What holds the connection while our own books are written.
pub(crate) const BOOKS: Site = Site { function: "the ledger's books", file: file!(), line: line!() };

/// What is written in our own books of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Books {
    Done,
    Undone,
}

impl Books {
    /// What they say once an intent is in this state; `None` where they are as they were.
    pub(super) fn in_state(state: State) -> Option<Self> {
        match state {
            State::Applied => Some(Self::Done),
            State::Rejected | State::Compensated => Some(Self::Undone),
            _ => None,
        }
    }

    /// As it is stored.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Undone => "UNDONE",
        }
    }

    pub(super) fn of(text: &str) -> Option<Self> {
        [Self::Done, Self::Undone].into_iter().find(|books| books.text() == text)
    }
}

/// As it prints.
impl serde::Serialize for State {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
