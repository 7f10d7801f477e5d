//! Database transactions, and the guard that keeps external calls out of them.
//!
//! What a call holds, a transaction or a connection, is a [`Scope`]. It is entered on each poll of what runs inside it
//! and left before the poll returns, so it depends on no executor, and a call beside it is never taken for one inside.

mod after;
mod allow;
pub(crate) mod error;
mod guard;
#[cfg_attr(not(feature = "sqlx"), allow(dead_code, unreachable_pub, reason = "only databases hold anything"))]
pub(crate) mod scope;
mod spawn;

pub use after::after;
pub use allow::{Allowed, allow};
pub use error::{Step, TransactionError};
pub use guard::{GuardMode, TransactionGuard};
pub(crate) use scope::Scope;
pub use scope::{Began, Holds};
pub use spawn::spawn;
