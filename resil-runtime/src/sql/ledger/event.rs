//! What the ledger tells.

use super::intent::IntentId;
use super::reconciliation::report::Reconciliation;
use super::state::State;
use crate::registry::events::{event, tell};
#[cfg(feature = "tracing")]
use crate::registry::log::text;
use crate::{Error, Event};
use std::fmt;
use std::sync::Arc;

/// Something that happened in the ledger: what [`Event::Ledger`] holds. As data, `what` is the variant in `snake_case`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LedgerEvent {
    /// An intent has changed state.
    Moved {
        /// Which.
        id: IntentId,
        /// Its operation.
        op: String,
        /// The state that ended.
        from: State,
        /// The state that began. [`State::Manual`] calls for an operator.
        to: State,
    },
    /// An intent cannot go on because of a mistake on our side: a missing key, a misconfiguration, credentials that the
    /// partner does not accept, our own database. It is tried again, and left to an operator in the end.
    HeldUp {
        /// Which.
        id: IntentId,
        /// Its operation.
        op: String,
        /// What went wrong.
        why: String,
    },
    /// There are open intents that this process leaves to others: a newer or an older version recorded them. Told once a
    /// minute.
    Unknown {
        /// Their operation.
        op: String,
        /// Its version.
        version: u32,
        /// How many.
        count: u64,
    },
    /// The database could not be reached.
    Unreachable {
        /// What went wrong.
        why: String,
    },
    /// Our books were compared with the partner's.
    Reconciled(Arc<Reconciliation>),
    /// Our books could not be compared with the partner's, on a schedule.
    NotReconciled {
        /// The operation.
        op: String,
        /// What went wrong.
        why: String,
    },
}

impl fmt::Display for LedgerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved { id, op, from, to } => {
                write!(f, "operation `{}`: intent {id} from {from} to {to}", op.escape_debug())
            }
            Self::HeldUp { id, op, why } => {
                write!(f, "operation `{}`: intent {id} is held up by us: {}", op.escape_debug(), why.escape_debug())
            }
            Self::Unknown { op, version, count } => {
                write!(f, "operation `{}` version {version}: {count} intents are left to others", op.escape_debug())
            }
            Self::Unreachable { why } => write!(f, "the database of the ledger cannot be reached: {why}"),
            Self::Reconciled(report) => {
                let op = report.op.escape_debug();
                write!(f, "operation `{op}`: {} differences from the partner's books", report.all())
            }
            Self::NotReconciled { op, why } => {
                write!(f, "operation `{}`: the books could not be compared: {}", op.escape_debug(), why.escape_debug())
            }
        }
    }
}

#[cfg_attr(not(feature = "tracing"), expect(clippy::if_same_then_else, reason = "neither is told"))]
pub(super) fn moved(id: IntentId, op: &str, from: State, to: State) {
    if to == State::Manual {
        event!(warn, id = text(id), op = text(op), from = text(from), to = text(to), "intent needs an operator");
    } else {
        event!(debug, id = text(id), op = text(op), from = text(from), to = text(to), "intent changed state");
    }
    tell(|| Event::Ledger(LedgerEvent::Moved { id, op: op.to_owned(), from, to }));
}

pub(super) fn held_up(id: IntentId, op: &str, why: &str) {
    event!(warn, id = text(id), op = text(op), why = text(why), "intent is held up by a mistake on our side");
    tell(|| Event::Ledger(LedgerEvent::HeldUp { id, op: op.to_owned(), why: why.to_owned() }));
}

pub(super) fn unknown(op: &str, version: u32, count: u64) {
    event!(
        warn,
        op = text(op),
        version,
        count,
        "intents are left to others: this process does not know their operation"
    );
    tell(|| Event::Ledger(LedgerEvent::Unknown { op: op.to_owned(), version, count }));
}

pub(super) fn unreachable(error: &Error) {
    event!(warn, error = text(error), "the database of the ledger cannot be reached");
    tell(|| Event::Ledger(LedgerEvent::Unreachable { why: error.to_string() }));
}

#[cfg_attr(not(feature = "tracing"), expect(clippy::if_same_then_else, reason = "none is told"))]
pub(super) fn reconciled(report: &Reconciliation) {
    if report.agrees() {
        event!(info, op = text(&report.op), records = report.records, "both books agree");
    } else if report.held_back {
        event!(
            error,
            op = text(&report.op),
            records = report.records,
            differences = report.all(),
            "the books differ so much that nothing is mended"
        );
    } else {
        event!(
            warn,
            op = text(&report.op),
            records = report.records,
            differences = report.all(),
            "the books differ, it is being mended"
        );
    }
    tell(|| Event::Ledger(LedgerEvent::Reconciled(Arc::new(report.clone()))));
}

pub(super) fn not_reconciled(op: &str, why: &str) {
    event!(warn, op = text(op), why = text(why), "the books could not be compared");
    tell(|| Event::Ledger(LedgerEvent::NotReconciled { op: op.to_owned(), why: why.to_owned() }));
}

#[cfg(all(test, feature = "tracing", not(resil_loom)))]
mod tests {
    use super::*;
    use crate::IdempotencyKey;
    use crate::registry::events::tests::{are_documented, lines};

    #[test]
    fn every_line_is_documented_and_its_fields_are_plain_text_and_numbers() {
        let id = IntentId::of(&IdempotencyKey::random());
        let (agree, differ, wrong) = (
            Reconciliation::that_found(0, false),
            Reconciliation::that_found(1, false),
            Reconciliation::that_found(101, true),
        );
        let written = lines(|| {
            moved(id, "pay", State::Unknown, State::Manual);
            moved(id, "pay", State::Recorded, State::Calling);
            held_up(id, "pay", "two\nlines");
            unknown("pay", 2, 3);
            unreachable(&Error::CircuitOpen { name: "books", retry_after: None });
            reconciled(&agree);
            reconciled(&differ);
            reconciled(&wrong);
            not_reconciled("pay", "it broke");
        });
        are_documented(&written, 9);
    }
}
