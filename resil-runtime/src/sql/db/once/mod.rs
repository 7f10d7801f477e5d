//! What is to run once: the operation, the request ID and the arguments of the request.

mod claim;
mod id;
mod line;
mod run;
mod stored;

#[cfg(feature = "sqlite")]
pub(super) use claim::CLAIM;
#[cfg(feature = "postgres")]
pub(super) use claim::CLAIM_SHORTLY;
pub(super) use claim::TABLE;
pub use id::RequestId;
pub(super) use line::Lines;
pub use run::Begun;
pub(super) use run::Claim;
use run::Known;
pub(super) use stored::ANSWERS;

use super::stored::canonical;
use crate::{Classify, Error, Verdict};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Which request a transaction answers, for [`Db::once`](crate::Db::once): what
/// `#[transactional(tx = .., op = .., once = ..)]` expands to.
///
/// ```
/// use resil::{Once, RequestKey};
/// use std::time::Duration;
///
/// # let user = "alice";
/// let key: RequestKey = "request-7".parse()?;
/// let once = Once::of("order.place", key.of(user)).argument(&"tea").argument(&2).keep(Duration::from_hours(1));
/// # Ok::<(), resil::InvalidKey>(())
/// ```
#[must_use = "says what to run once, and runs nothing"]
pub struct Once {
    pub(super) op: &'static str,
    pub(super) id: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) keep: Duration,
    pub(super) max_wait: Duration,
}

/// Neither the ID nor an argument, which are the client's.
impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("op", &self.op).field("keep", &self.keep).finish_non_exhaustive()
    }
}

const DAY: Duration = Duration::from_hours(24);
const TEN_SECONDS: Duration = Duration::from_secs(10);

/// Tells the arguments of one request from those of another.
///
/// The namespace of its UUIDs. Changing it would make every stored request one with other arguments.
const FINGERPRINTS: Uuid = Uuid::from_u128(0x2b1d_7c54_90e3_4f6a_8d27_51c8_6e0b_a39f);

/// All arguments so far, as text, or why one has none.
pub(super) struct Fingerprint(Result<String, String>);

impl Fingerprint {
    fn add(&mut self, value: &(impl Serialize + ?Sized)) {
        let Ok(all) = &mut self.0 else { return };
        match canonical(value) {
            Ok(text) => {
                all.push_str(&text);
                all.push('\n');
            }
            Err(why) => self.0 = Err(why),
        }
    }

    pub(super) fn finish(self, op: &'static str) -> Result<String, OnceError> {
        match self.0 {
            Ok(all) => Ok(Uuid::new_v5(&FINGERPRINTS, all.as_bytes()).to_string()),
            Err(why) => Err(OnceError::new(op, OnceProblem::Arguments(why))),
        }
    }
}

impl Once {
    /// One request for an operation.
    pub fn of(op: &'static str, id: impl RequestId) -> Self {
        Self { op, id: id.text(), fingerprint: Fingerprint(Ok(String::new())), keep: DAY, max_wait: TEN_SECONDS }
    }

    /// An argument of the request: the same ID with another value is an error.
    pub fn argument(mut self, value: &(impl Compared + ?Sized)) -> Self {
        self.fingerprint.add(value);
        self
    }

    /// How long the outcome is kept from when the request began, from a second to a hundred years. After that the ID is
    /// forgotten, and a repeat runs afresh. A request that takes longer than that itself is rolled back. 24 h by default.
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep.clamp(Duration::from_secs(1), DAY * 36_525);
        self
    }

    /// How long to wait for the first request with this ID while it runs. 10 s by default. On SQLite one that runs in another
    /// process is waited for as long as sqlx's `busy_timeout` says.
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }
}

/// An argument by which a repeated request is compared with the first; implemented for everything that serde can write.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be compared between a request and its repeat",
    label = "the same request ID with another value here would be answered like the first",
    note = "if it is a part of the request, write `#[derive(serde::Serialize)]` above the type",
    note = "if it is not, say what is: `fingerprint = (&item, number)`"
)]
pub trait Compared: Serialize {}

impl<T: Serialize + ?Sized> Compared for T {}

/// Why a request was not run, or not answered again: the content of [`Error::Once`].
///
/// It prints the operation, never the request ID, an argument or an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnceError {
    /// The operation.
    pub op: &'static str,
    /// What is wrong.
    pub problem: OnceProblem,
}

/// What can be wrong with a request that is to run once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnceProblem {
    /// An argument has no text to be compared by. Nothing was run.
    Arguments(String),
    /// The ID was used for a request with other arguments. Nothing was run.
    OtherArguments,
    /// The first request with this ID is still running. Nothing was run.
    Running,
    /// It has run, and its stored outcome is not of the type asked for any more: it was stored by another version of the
    /// program. It stays stored.
    Undecodable(String),
    /// The outcome cannot be stored and read again as the same type. Rolled back.
    Unstorable(String),
    /// It took longer than its outcome was to be kept, so that a repeat would run a second time. Rolled back.
    Outlived,
}

impl OnceError {
    pub(super) fn new(op: &'static str, problem: OnceProblem) -> Self {
        Self { op, problem }
    }
}

impl Classify for OnceError {
    fn verdict(&self) -> Verdict {
        match self.problem {
            OnceProblem::OtherArguments => Verdict::caller(),
            OnceProblem::Running => Verdict::transient().unsent(),
            OnceProblem::Arguments(_) | OnceProblem::Unstorable(_) | OnceProblem::Outlived => {
                Verdict::permanent().unsent()
            }
            OnceProblem::Undecodable(_) => Verdict::permanent(),
        }
    }
}

impl fmt::Display for OnceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = self.op.escape_debug();
        match &self.problem {
            OnceProblem::Arguments(why) => write!(f, "the arguments of `{op}` cannot be compared, {why}: not run"),
            OnceProblem::OtherArguments => write!(
                f,
                "this request ID was used for `{op}` with other arguments: not run. Another request needs another ID"
            ),
            OnceProblem::Running => write!(f, "the first request with this ID is still running `{op}`: not run"),
            OnceProblem::Undecodable(why) => write!(
                f,
                "`{op}` has run for this request ID, and its stored outcome cannot be read any more, {why}: not run \
                 again. Let the type accept what was stored, or give the operation another name"
            ),
            OnceProblem::Unstorable(why) => {
                write!(f, "the outcome of `{op}` cannot be stored and read again, {why}: rolled back")
            }
            OnceProblem::Outlived => {
                write!(f, "`{op}` took longer than its outcome is kept: rolled back. Write a longer `keep`")
            }
        }
    }
}

impl std::error::Error for OnceError {}

impl From<OnceError> for Error {
    fn from(error: OnceError) -> Self {
        Self::Once(Arc::new(error))
    }
}
