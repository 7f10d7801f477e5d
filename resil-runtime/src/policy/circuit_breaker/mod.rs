//! The circuit breaker: the last line, over the other policies.
//!
//! [`CircuitBreaker`] is the handle that people and expansions hold, [`Pass`] the permission to make one call. Behind
//! them, [`State`] answers the usual cases from a few atomic words and asks the [`Machine`], which is pure and knows
//! neither clocks nor threads, for everything else.

mod count_window;
mod differences;
mod gate;
mod handle;
mod machine;
mod pass;
mod phase;
mod settings;
mod snapshot;
mod state;
mod tally;
mod time_window;

pub(crate) use handle::Breaker;
pub use handle::CircuitBreaker;
use machine::{Answer, Machine};
pub use pass::Pass;
pub use phase::CircuitState;
pub(crate) use phase::{Cause, Transition};
pub use settings::{Invalid, Settings, Window};
pub use snapshot::Snapshot;
use state::{Admission, Sample, State};
use tally::{Ended, Tally};
