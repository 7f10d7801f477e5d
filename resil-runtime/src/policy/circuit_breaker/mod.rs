//! The circuit breaker: stops calling a partner that fails too often, and probes until it is back.
//!
//! [`CircuitBreaker`] is the handle, by hand and in expansions; [`Pass`] is the permission to make one call.

// Behind them, `Circuit` answers the usual cases from a few atomic words and asks the `Machine`, which is pure and knows neither
// clocks nor threads, for everything else.

mod admission;
mod circuit;
mod count_window;
mod found;
mod gate;
mod handle;
#[cfg(feature = "config")]
pub(crate) mod in_force;
mod keyed;
mod machine;
mod pass;
mod recent;
mod settings;
mod snapshot;
mod tally;
mod time_window;
#[cfg(feature = "dashboard")]
mod view;
mod written;

pub(crate) use crate::registry::Transition;
pub use crate::registry::{Cause, CircuitState};
use admission::{Admission, Refusal, Sample};
use circuit::Circuit;
pub(crate) use handle::Breaker;
pub use handle::CircuitBreaker;
use machine::{Machine, Ruling};
pub use pass::Pass;
pub use settings::{Invalid, Settings, Window};
pub use snapshot::Snapshot;
use tally::{Judged, Tally};

#[cfg(test)]
mod tests;
