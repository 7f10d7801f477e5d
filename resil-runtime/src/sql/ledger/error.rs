use super::intent::IntentId;
use super::state::State;
use crate::{Classify, Error, Verdict};
use std::fmt;
use std::sync::Arc;

/// What the ledger could not do: the content of [`Error::Ledger`]. It prints no argument and no receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LedgerError {
    /// What an intent is about has no text, or one longer than 255 bytes. Nothing was recorded.
    SubjectLength {
        /// The operation.
        op: &'static str,
        /// How many bytes it has.
        length: usize,
    },
    /// What an intent is about has a control character in its text. Nothing was recorded.
    SubjectCharacter {
        /// The operation.
        op: &'static str,
        /// Its byte position.
        at: usize,
    },
    /// There is an intent about this, with other arguments. Nothing was recorded.
    OtherArguments {
        /// The operation.
        op: &'static str,
    },
    /// The arguments cannot be stored and read again. Nothing was recorded.
    Unstorable {
        /// The operation.
        op: &'static str,
        /// Why.
        why: String,
    },
    /// The ledger has no intent of this name.
    NoSuchIntent(IntentId),
    /// This ledger does not drive the operation.
    NotInLedger {
        /// The operation.
        op: String,
        /// Its version.
        version: u32,
    },
    /// It is an intent of another operation.
    OtherOperation {
        /// The operation asked for.
        op: &'static str,
    },
    /// What is stored cannot be read by this program.
    Unreadable {
        /// The operation.
        op: String,
        /// Why.
        why: String,
    },
    /// Only an intent that waits for an operator can be resolved.
    NotManual {
        /// Where it stands.
        state: State,
    },
    /// The partner has a call about this which is none of ours, and an operator has it. Nothing was recorded.
    OnlyThere {
        /// The operation.
        op: &'static str,
        /// The intent that waits for an operator.
        id: IntentId,
    },
    /// The partner's records ended with an error. Nothing was compared.
    Records {
        /// The operation.
        op: &'static str,
        /// Why, in the words of whoever reads them.
        why: String,
    },
    /// The partner may have forgotten the key, so calling again might do it twice. The intent stays in MANUAL.
    KeyTooOld {
        /// The operation.
        op: String,
    },
    /// One receipt cannot be that of several intents.
    OneReceipt,
    /// What it was about and the receipt were taken out by [`Ledger::prune`](super::Ledger::prune).
    Pruned(IntentId),
    /// The operation has no such step: no `verify`, or no `compensate`.
    NoSuchStep {
        /// The operation.
        op: String,
        /// The step.
        step: &'static str,
    },
}

impl Classify for LedgerError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Unreadable { .. } => Verdict::permanent(),
            Self::Records { .. } => Verdict::transient(),
            Self::NotInLedger { .. } | Self::Unstorable { .. } => Verdict::permanent().unsent(),
            _ => Verdict::caller(),
        }
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SubjectLength { op, length: 0 } => {
                write!(f, "what the intent of `{}` is about is empty: not recorded", op.escape_debug())
            }
            Self::SubjectLength { op, length } => write!(
                f,
                "what the intent of `{}` is about has {length} bytes, 255 are allowed: not recorded",
                op.escape_debug()
            ),
            Self::SubjectCharacter { op, at } => write!(
                f,
                "byte {at} of what the intent of `{}` is about is a control character: not recorded",
                op.escape_debug()
            ),
            Self::OtherArguments { op } => write!(
                f,
                "there is an intent of `{}` about the same with other arguments: not recorded. Say in `per` what tells the \
                 two apart",
                op.escape_debug()
            ),
            Self::Unstorable { op, why } => {
                write!(
                    f,
                    "the arguments of `{}` cannot be stored and read again, {why}: not recorded",
                    op.escape_debug()
                )
            }
            Self::NoSuchIntent(id) => write!(f, "the ledger has no intent {id}"),
            Self::NotInLedger { op, version } => write!(
                f,
                "operation `{}` version {version} is not in this ledger: write `.operation::<..>()` where it is opened",
                op.escape_debug()
            ),
            Self::OtherOperation { op } => write!(f, "it is no intent of `{}`", op.escape_debug()),
            Self::Unreadable { op, why } => {
                write!(f, "what is stored of an intent of `{}` cannot be read any more, {why}", op.escape_debug())
            }
            Self::NotManual { state } => write!(f, "only an intent in MANUAL can be resolved, and this one is {state}"),
            Self::OnlyThere { op, id } => write!(
                f,
                "the partner has a call of `{}` about the same which we do not know: not recorded. An operator has it, as \
                 intent {id}",
                op.escape_debug()
            ),
            Self::Records { op, why } => write!(
                f,
                "the partner's records of `{}` ended before their end, {}: nothing was compared",
                op.escape_debug(),
                why.escape_debug()
            ),
            Self::KeyTooOld { op } => write!(
                f,
                "the partner may have forgotten the key of this intent of `{}`, and would do it twice: ask it, then resolve \
                 with `Done(..)` or `NotDone`; after that `record_again` takes a new key",
                op.escape_debug()
            ),
            Self::OneReceipt => f.write_str("one receipt is not that of several intents: resolve each by itself"),
            Self::Pruned(id) => write!(f, "intent {id} is done, and its receipt was pruned"),
            Self::NoSuchStep { op, step } => write!(f, "operation `{}` has no `{step}`", op.escape_debug()),
        }
    }
}

impl std::error::Error for LedgerError {}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(Arc::new(error))
    }
}
