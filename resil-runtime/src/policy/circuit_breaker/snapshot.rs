//! What an operator sees.

use std::time::Duration;

use super::CircuitState;

/// The state of a breaker at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Snapshot {
    /// What the breaker is doing.
    pub state: CircuitState,
    /// Calls in the window; in half-open the probes that were recorded, and in open the calls that opened it.
    pub calls: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those that were slow, failed or not.
    pub slow: u64,
    /// The fraction of failures, once there are enough calls to judge.
    pub failure_rate: Option<f64>,
    /// The fraction of slow calls, once there are enough calls to judge; `None` if slow calls are not judged.
    pub slow_rate: Option<f64>,
    /// Calls refused since this state began.
    pub not_permitted: u64,
    /// How long the circuit stays open from now on, if it is open and that is known.
    #[cfg_attr(feature = "serde", serde(rename = "retry_after_seconds", serialize_with = "crate::as_data::seconds"))]
    pub retry_after: Option<Duration>,
}
