//! The states of a breaker and the changes between them.

use crate::words::words;

words! {
    CircuitState {
        Closed => "closed",
        Observing => "observing",
        Disabled => "disabled",
        HalfOpen => "half_open",
        Open => "open",
        ForcedOpen => "forced_open",
    }
    Cause {
        FailureRate => "failure_rate",
        SlowRate => "slow_rate",
        WaitOver => "wait_over",
        ProbesPassed => "probes_passed",
        NoProbeEnded => "no_probe_ended",
        OnlyCallerFaults => "only_caller_faults",
        Manual => "manual",
    }
}

/// What a breaker is doing now.
///
/// The first three let every call through, the last two let none through until their time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CircuitState {
    /// Calls pass and are recorded.
    Closed,
    /// Calls pass and are recorded; what would open the circuit is only reported.
    Observing,
    /// Calls pass and nothing is recorded.
    Disabled,
    /// A few probes pass, and decide what comes next.
    HalfOpen,
    /// Calls are refused until the waiting time is over.
    Open,
    /// Calls are refused because an operator said so.
    ForcedOpen,
}

impl CircuitState {
    /// Whether every call passes, so that no one need ask the machine.
    #[inline]
    pub fn lets_all_pass(self) -> bool {
        self < Self::HalfOpen
    }

    /// Whether calls are refused until a time that is known in advance.
    #[inline]
    pub fn is_open(self) -> bool {
        self >= Self::Open
    }
}

/// Why a state ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Too large a fraction of the calls failed.
    FailureRate,
    /// Too large a fraction of the calls was slow.
    SlowRate,
    /// The circuit was open for long enough.
    WaitOver,
    /// The probes stayed below both rates.
    ProbesPassed,
    /// No probe ended within the longest wait in half-open.
    NoProbeEnded,
    /// Within the longest wait in half-open, the partner answered, but only to say that the requests were wrong.
    OnlyCallerFaults,
    /// An operator said so.
    Manual,
}

/// A change of state, for whoever reports events.
///
/// While observing, `to` equals `from`: the circuit would have opened for this cause. It does, too, where an operator closes a
/// circuit that is closed.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Transition {
    /// The state that ended.
    pub from: CircuitState,
    /// The state that began.
    pub to: CircuitState,
    /// Why.
    pub cause: Cause,
}
