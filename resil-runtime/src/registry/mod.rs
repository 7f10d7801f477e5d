//! Names -> state. A static in an expansion is a handle of a call site; what it stands for lives here.
//!
//! Every policy comes in by one door, [`Handle`], and every state by another, [`State`]. The registry knows no policy.

mod backlog;
mod call_site;
pub(crate) mod calls;
mod check;
mod circuit_state;
mod condition;
mod event;
pub(crate) mod events;
mod find;
mod handle;
pub(crate) mod in_force;
#[cfg(feature = "testing")]
pub(crate) mod isolated;
#[cfg(feature = "tracing")]
pub(crate) mod log;
mod lost;
mod outcome;
mod past;
mod report;
mod said;
mod site;
mod slot;
pub(crate) mod states;
mod stream;
#[cfg(feature = "dashboard")]
mod view;
mod why;
mod written;

#[cfg(feature = "sqlx")]
pub(crate) use backlog::Watched;
pub use backlog::{Backlogs, Intents, LedgerBacklog, OutboxBacklog};
#[cfg(all(feature = "sqlx", feature = "metrics"))]
pub(crate) use backlog::{Held, databases};
pub use call_site::{CallSite, Policy};
pub use check::check;
pub(crate) use check::policies;
pub(crate) use circuit_state::Transition;
pub use circuit_state::{Cause, CircuitState};
pub use condition::{Health, OpenCircuit, OpenKeys, Waiting, health};
pub use event::Event;
pub use find::{Registry, registry};
pub(crate) use find::{all, find};
pub(crate) use handle::Found;
pub(crate) use handle::{Handle, Row, Shared};
#[cfg(feature = "config")]
pub use in_force::{Change, Source};
pub use lost::Lost;
pub use outcome::Outcome;
#[cfg(feature = "dashboard")]
pub(crate) use past::Changed;
pub use site::Site;
pub(crate) use slot::{Lender, Slot};
pub(crate) use states::{Owner, States};
pub use stream::Events;
#[cfg(feature = "metrics")]
pub(crate) use stream::count_events;
#[cfg(feature = "dashboard")]
pub(crate) use view::{Level, View};
pub use why::Why;
pub(crate) use written::Written;

use crate::{Error, Misconfiguration};
use std::sync::Arc;

pub(crate) fn misconfigured(problem: String) -> Error {
    Error::Misconfigured(Arc::new(Misconfiguration::new(vec![problem])))
}
