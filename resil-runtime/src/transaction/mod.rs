//! Database transactions, and the guard that keeps external calls out of them.
//!
//! What a call holds, a transaction or a connection, is a [`Scope`]. It is entered on each poll of what runs inside it
//! and left before the poll returns, so it depends on no executor, and a call beside it is never taken for one inside.

mod after;
mod allow;
#[cfg(feature = "sqlx")]
mod database;
mod error;
mod guard;
#[cfg(feature = "sqlx")]
mod once;
#[cfg_attr(not(feature = "sqlx"), allow(dead_code, reason = "only databases hold anything"))]
pub(crate) mod scope;
mod spawn;
#[cfg(feature = "sqlx")]
mod stored;
mod transactional;

pub use after::after;
pub use allow::{Allowed, allow};
#[cfg(feature = "sqlx")]
pub use database::{Backend, Connection, Db, HeldBy, Tx};
#[cfg(feature = "sqlx")]
pub use database::{Begun, On, OnAny, OnPool, database_name, opened};
#[cfg(feature = "sqlx")]
pub(crate) use database::{Row, Value, in_millis, whole};
pub use error::{Step, TransactionError};
pub use guard::{GuardMode, TransactionGuard};
#[cfg(feature = "sqlx")]
pub use once::{Compared, Once, OnceError, OnceProblem};
pub(crate) use scope::Scope;
pub use scope::{Began, Holds};
pub use spawn::spawn;
#[cfg(feature = "sqlx")]
pub use stored::Stored;
#[cfg(feature = "sqlx")]
pub(crate) use stored::{sorted, unquoted};
pub use transactional::Transactional;
