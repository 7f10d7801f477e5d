//! What the reconciler and the relay share: the loop, a lease on what they have claimed, and steps that run only while it
//! lasts.

mod failed;
mod lease;
mod panic;
mod polling;
mod step;

pub use failed::Failed;
pub(crate) use failed::shortened;
pub(crate) use lease::Lease;
pub(crate) use panic::{caught, dropped};
pub(crate) use polling::{Joined, Polling, Stop, Worker, run, run_once};
pub(crate) use step::{Boxed, Ended, Leased, Trouble};
