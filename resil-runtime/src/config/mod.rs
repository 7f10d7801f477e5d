//! Settings from outside: files, the environment, code, and an operator's overrides.
//!
//! What an attribute says is what a function was written with. With this module a deployment can say otherwise, without a
//! build:
//!
//! ```toml
//! # resil.toml
//! [retry]                                  # every retry that says nothing itself
//! max = "5s"
//!
//! [circuit_breaker.by_name.payments]       # the one of this name, whatever its attribute says
//! failure_rate = 0.3
//! mode = "observe"                         # normal, observe, disabled, forced_open
//!
//! [timeout.by_site."shop::pay"]            # the one without a name at this function
//! attempt = "3s"
//! ```
//!
//! [`configure`] reads `resil.toml`, then `resil.staging.toml` over it where `RESIL_PROFILE=staging`, then variables such as
//! `RESIL__CIRCUIT_BREAKER__PAYMENTS__OPEN_FOR=10s`. [`reload`] reads them again. Of what is said, the first counts:
//!
//! 1. an operator's override: [`operator`]
//! 2. code: [`Configuration::set`]
//! 3. the environment
//! 4. the file of the profile, then the file, by name or site
//! 5. the attribute, its set of settings, or what a policy made by hand was made with
//! 6. code, environment and files by kind
//! 7. the default
//!
//! A value of a set of settings (`settings = PARTNER`) counts as said where it is not the default.
//!
//! Everything is read and judged before anything is changed: an unknown kind, name, site or setting, a value that is none,
//! and what the compiler would refuse of the attributes. All of it is told at once, each at its file, line and column, and
//! then nothing has changed. What changes keeps what the process knows: windows, states, permits, tokens, budgets. A window
//! of another kind or length begins anew, and says so.
//!
//! Not set from outside: proofs, keys, names, budgets and how many keys there may be.

mod environment;
mod error;
mod file;
mod judge;
mod known;
mod operator;
mod origin;
mod reading;
mod similar;
mod time;
mod value;
mod view;

pub use crate::registry::{Change, Source};
pub use error::{Error, Problem};
pub use operator::{Operator, operator};
pub use origin::{Configuration, configure, reload};
pub use view::{InForce, PolicySettings, Status};

#[cfg(all(test, feature = "testing", not(resil_loom)))]
mod tests;
