//! What a breaker and its callers say to each other.

use std::time::Duration;

use super::Transition;
use super::gate::Gate;
use super::machine::{NEVER, known};

/// The permission to make one call, two words small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Admission {
    /// The gate that the call passed: its state and generation.
    pub(super) gate: Gate,
    /// When the call began; [`NEVER`] if slow calls are not judged.
    pub(super) started: u64,
}

impl Admission {
    /// The number of the state in which the call was admitted. Its result counts only there.
    pub(super) fn generation(self) -> u32 {
        self.gate.generation()
    }

    /// Whether the call is a probe and holds a place.
    #[inline]
    pub(super) fn is_probe(self) -> bool {
        self.gate.is_half_open()
    }

    #[inline]
    pub(super) fn is_timed(self) -> bool {
        self.started != NEVER
    }
}

/// The answer to a call that may not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Nanoseconds until the circuit lets probes through, or [`NEVER`].
    pub(super) wait: u64,
    /// The change that this call brought about by asking.
    pub transition: Option<Transition>,
}

impl Refusal {
    /// When the circuit lets probes through; `None` if nobody knows, in half-open or forced open.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        known(self.wait)
    }
}

/// How an admitted call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// The partner did what it was asked.
    Success,
    /// The partner failed, or the call panicked.
    Failure,
    /// The request itself was wrong. It counts as nothing, but shows that the partner answers.
    CallerFault,
    /// It was ended for a reason of ours. All that it shows of the partner is how long it had lasted by then.
    CutShort,
    /// Nothing is known of the partner: the call was dropped, or refused by another policy.
    Cancelled,
}
