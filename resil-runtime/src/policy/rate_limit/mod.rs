//! The rate limit: how many calls may begin in a span of time, at a partner with a quota.
//!
//! [`RateLimit`] is the handle, by hand and in expansions; [`Turn`] is what an admitted call holds.

// Behind them, `gcra` is the pure machine. A `Bucket` holds its state in one atomic word, and asks the `Queue` behind a lock only
// when somebody waits or the partner has asked for a pause. `Acquiring` is one wait. With `fleet` the tokens of the bucket are leased.

mod acquiring;
mod bucket;
pub mod fleet;
mod found;
mod gcra;
mod handle;
#[cfg(feature = "config")]
pub(crate) mod in_force;
mod keyed;
mod line;
mod plan;
mod rate;
mod settings;
mod turn;
mod usage;

pub use acquiring::Acquiring;
use acquiring::Limits;
use bucket::Bucket;
pub use fleet::{Fleet, Lost};
use fleet::{Hub, Lease, Outlook};
use gcra::Gcra;
pub(crate) use handle::Limiter;
pub use handle::RateLimit;
use line::{Line, Ticket};
use plan::Plan;
pub use rate::Rate;
pub use settings::Settings;
pub use turn::{Following, Turn};
pub use usage::Usage;

#[cfg(test)]
mod tests;
