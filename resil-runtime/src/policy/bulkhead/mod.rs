//! The bulkhead: threads of its own for calls that may hold theirs.
//!
//! [`Bulkhead`] is the handle, by hand and in expansions.

// Behind it, a `Pool` has the places, the queue and the Tokio runtime. A call takes a `Place`, begins on one of the threads and is
// a `Running` one from then on; the caller only waits, and bounds its own wait.

mod found;
mod handle;
#[cfg(feature = "config")]
pub(crate) mod in_force;
mod on;
mod pool;
mod running;
mod settings;
mod threads;

pub use handle::Bulkhead;
pub(crate) use pool::Pool;
use pool::Until;
use running::Running;
pub use settings::Settings;
