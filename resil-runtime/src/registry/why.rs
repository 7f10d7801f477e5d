use std::fmt;

/// Why a failure that may be repeated is not. See [`Event::GaveUp`](crate::Event::GaveUp).
///
/// ```
/// assert_eq!(resil::policy::retry::Why::BudgetSpent.to_string(), "the retry budget is spent");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// All attempts have been made.
    NoAttemptsLeft,
    /// The delay would end with the deadline, or after it.
    DeadlineNear,
    /// The partner asks for a longer pause than is waited for without a deadline.
    PauseTooLong,
    /// A retry within this one has given up on the same failure, and this one does not say `nested`.
    GivenUpWithin,
    /// So many calls fail that retries stopped.
    BudgetSpent,
    /// The failure is not one to repeat: an answer like 400 or 500, or under `unsent` one that may have acted.
    NotRepeatable,
    /// The function has no retry.
    NoRetry,
}

impl Why {
    /// The reason in words, as the `tracing` event has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoAttemptsLeft => "no attempts left",
            Self::DeadlineNear => "the deadline is nearer than the delay",
            Self::PauseTooLong => "the partner asks for a longer pause than we wait without a deadline",
            Self::GivenUpWithin => "a retry within has given up on it",
            Self::BudgetSpent => "the retry budget is spent",
            Self::NotRepeatable => "the failure is not one to repeat",
            Self::NoRetry => "there is no retry",
        }
    }
}

#[cfg(feature = "metrics")]
impl Why {
    /// Those of a retry.
    pub(crate) const OF_RETRY: [Self; 6] = [
        Self::NoAttemptsLeft,
        Self::DeadlineNear,
        Self::PauseTooLong,
        Self::GivenUpWithin,
        Self::BudgetSpent,
        Self::NotRepeatable,
    ];
}

#[cfg(any(feature = "metrics", feature = "serde"))]
impl Why {
    /// In one word, as a label or as data.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::NoAttemptsLeft => "no_attempts_left",
            Self::DeadlineNear => "deadline_near",
            Self::PauseTooLong => "pause_too_long",
            Self::GivenUpWithin => "given_up_within",
            Self::BudgetSpent => "budget_spent",
            Self::NotRepeatable => "not_repeatable",
            Self::NoRetry => "no_retry",
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Why {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
