//! The semaphore: limits how many calls run at a time.
//!
//! [`Semaphore`] is the handle, by hand and in expansions; [`Permit`] is the right to one call.

// Behind them, `Permits` answers the usual cases from one atomic word, the `Balance`, and asks the `Line` behind its lock only when
// somebody has to wait. Threads that get into each other's way there take from a `Shard` of their own. `Acquire` is one wait; it knows no clock, `Acquiring` bounds it.

mod acquire;
mod acquiring;
mod balance;
mod found;
mod handle;
#[cfg(feature = "config")]
pub(crate) mod in_force;
mod keyed;
mod line;
mod permits;
#[cfg(feature = "tower")]
mod priority;
mod settings;
mod shards;
mod spread;
mod usage;

use acquire::Acquire;
pub use acquiring::Acquiring;
use acquiring::Limits;
use balance::Balance;
pub(crate) use handle::Limiter;
pub use handle::{Permit, Semaphore};
use line::{Line, Ticket};
pub(super) use permits::Permits;
#[cfg(feature = "tower")]
pub use priority::Priority;
pub use settings::Settings;
use shards::Open;
pub use usage::Usage;

#[cfg(test)]
mod tests;
