#[cfg(feature = "metrics")]
use crate::Kind;
use crate::Verdict;

/// What became of a call of an annotated function: see [`Event::Finished`](crate::Event::Finished).
///
/// ```
/// use resil::{Outcome, Verdict};
///
/// assert_eq!(Outcome::Failed(Verdict::status(503)).as_str(), "transient");
/// assert_eq!(Outcome::Cancelled.as_str(), "cancelled");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It answered, by itself or with a fallback.
    Succeeded,
    /// It failed, or was refused. An error that nobody has classified is taken for permanent.
    Failed(Verdict),
    /// It panicked.
    Panicked,
    /// Whoever waited for it gave up: its future was dropped.
    Cancelled,
}

impl Outcome {
    /// The word that log fields, metrics and JSON have for it: `succeeded`, `transient`, `permanent`, `caller`, `refused`,
    /// `panicked` or `cancelled`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed(Verdict { kind, .. }) => kind.as_str(),
            Self::Panicked => "panicked",
            Self::Cancelled => "cancelled",
        }
    }

    /// All of those words.
    #[cfg(feature = "metrics")]
    pub(crate) const ALL: [&'static str; 7] =
        ["succeeded", "transient", "permanent", "caller", "refused", "panicked", "cancelled"];

    #[cfg(feature = "metrics")]
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Succeeded => 0,
            Self::Failed(Verdict { kind: Kind::Transient, .. }) => 1,
            Self::Failed(Verdict { kind: Kind::Permanent, .. }) => 2,
            Self::Failed(Verdict { kind: Kind::Caller, .. }) => 3,
            Self::Failed(Verdict { kind: Kind::Refused, .. }) => 4,
            Self::Panicked => 5,
            Self::Cancelled => 6,
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Outcome {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
