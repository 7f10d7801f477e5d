use crate::sql::ledger::intent::IntentId;
use crate::sql::ledger::settings::Settings;
use crate::sql::ledger::state::State;
use std::fmt;

/// How the two books differ about one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DifferenceKind {
    /// The partner has it, and we have no intent of it.
    OnlyThere,
    /// We have it as done, and the partner's records do not have it.
    OnlyHere,
    /// Both have it as done, with other amounts.
    Amount,
    /// One of the two has it as done, and the other one as undone.
    State,
}

impl DifferenceKind {
    pub(super) const ALL: [Self; 4] = [Self::OnlyThere, Self::OnlyHere, Self::Amount, Self::State];

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::OnlyThere => "only there",
            Self::OnlyHere => "only here",
            Self::Amount => "amount",
            Self::State => "state",
        }
    }

    pub(super) fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.text() == text)
    }

    pub(super) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// What is done about a difference. The ledger does it: a reconciler drives the intent from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mend {
    /// Its outcome is unknown again: the status check decides, or what the operation does in doubt. Our own books are
    /// written if they have to be.
    Verify,
    /// It is cancelled with the partner.
    Compensate,
    /// It waits for an operator, in MANUAL.
    Manual,
    /// Nothing: it has changed meanwhile, the key cannot be one of ours or may be another installation's, an operator has
    /// decided about it before, or too much differs. If it still differs, the next comparison says so.
    Nothing,
}

impl Mend {
    /// What follows from how the books differ. `here` is the state of our intent, `is_told` whether the partner's record
    /// says what the call was about.
    pub(super) fn of(kind: DifferenceKind, here: Option<State>, is_told: bool, settings: &Settings) -> Self {
        match (kind, here) {
            // Only who can be asked: calling again, or cancelling, because of a record that is missing or wrong would move
            // money.
            (DifferenceKind::OnlyThere, None) if is_told && settings.verifies => Self::Verify,
            (DifferenceKind::OnlyHere, Some(State::Applied)) if settings.verifies => Self::Verify,
            // What the partner has done although it was given up here. What it has cancelled once is not cancelled again.
            (DifferenceKind::State, Some(State::Rejected)) if settings.compensates => Self::Compensate,
            // Somebody has undone there what is done here, or changed how much it is: that was no accident of ours.
            _ => Self::Manual,
        }
    }

    pub(super) fn to(self) -> Option<State> {
        match self {
            Self::Verify => Some(State::Unknown),
            Self::Compensate => Some(State::Compensating),
            Self::Manual => Some(State::Manual),
            Self::Nothing => None,
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Compensate => "compensate",
            Self::Manual => "MANUAL",
            Self::Nothing => "nothing",
        }
    }
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// One call about which the books differ.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// How.
    pub kind: DifferenceKind,
    /// The intent.
    pub id: IntentId,
    /// What it is about: `per = ..`. Empty if we do not know.
    pub subject: String,
    /// The idempotency key, under which the partner has it.
    pub key: String,
    /// Where our intent stood; `None` if there was none.
    pub here: Option<State>,
    /// How much it is here.
    pub amount_here: Option<String>,
    /// Whether it stands in the partner's book; `None` if it is not there at all.
    pub there: Option<bool>,
    /// How much it is there.
    pub amount_there: Option<String>,
    /// What is done about it.
    pub mend: Mend,
}

impl Difference {
    /// Why the intent goes on, for its history.
    pub(super) fn why(&self) -> String {
        let amounts = || {
            let [here, there] =
                [&self.amount_here, &self.amount_there].map(|amount| amount.as_deref().unwrap_or("nothing"));
            format!("{here} here, {there} there")
        };
        let what = match (self.kind, self.there) {
            (DifferenceKind::OnlyThere, _) => "only the partner has it".to_owned(),
            (DifferenceKind::OnlyHere, _) => "the partner's records do not have it".to_owned(),
            (DifferenceKind::Amount, _) => amounts(),
            (DifferenceKind::State, Some(true)) => "the partner has it, and here it is undone".to_owned(),
            (DifferenceKind::State, _) => "the partner has undone it, and here it is done".to_owned(),
        };
        format!("the books differ: {what}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::ledger::settings::InDoubt;

    #[test]
    fn what_is_mended_follows_from_what_the_operation_can() {
        let bare = Settings::new();
        let verifies = bare.verifies();
        let repeats = bare.in_doubt(InDoubt::Repeat);
        let cancels = bare.compensates().in_doubt(InDoubt::Cancel);
        let compensates = bare.compensates();
        let both = compensates.verifies();
        let of = Mend::of;
        assert_eq!(of(DifferenceKind::OnlyThere, None, true, &verifies), Mend::Verify);
        assert_eq!(
            of(DifferenceKind::OnlyThere, None, false, &verifies),
            Mend::Manual,
            "nobody knows what it is about"
        );
        assert_eq!(of(DifferenceKind::OnlyHere, Some(State::Applied), false, &verifies), Mend::Verify);
        for settings in [bare, repeats, cancels] {
            assert_eq!(
                of(DifferenceKind::OnlyHere, Some(State::Applied), false, &settings),
                Mend::Manual,
                "{settings:?}"
            );
            assert_eq!(of(DifferenceKind::OnlyThere, None, true, &settings), Mend::Manual, "{settings:?}");
        }
        assert_eq!(of(DifferenceKind::State, Some(State::Rejected), false, &compensates), Mend::Compensate);
        assert_eq!(of(DifferenceKind::State, Some(State::Rejected), false, &verifies), Mend::Manual);
        assert_eq!(
            of(DifferenceKind::State, Some(State::Compensated), false, &both),
            Mend::Manual,
            "they say it is cancelled"
        );
        assert_eq!(of(DifferenceKind::State, Some(State::Applied), false, &both), Mend::Manual);
        assert_eq!(of(DifferenceKind::Amount, Some(State::Applied), true, &both), Mend::Manual);
    }
}
