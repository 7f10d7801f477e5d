//! Transactions and connections of an sqlx pool that the context knows of.

mod adopted;
mod backend;
mod begin;
mod database;
mod executor;
mod meter;
mod migration;
mod missing;
mod once;
mod opened;
#[cfg(feature = "postgres")]
mod pooler;
mod raw;
mod schema;
mod seen;
mod standing;
mod statement;
mod stored;
mod text;
mod texts;
mod transactional;
mod tx;
mod verdict;
mod wake;

pub use backend::{Backend, database_name};
pub use database::{Connection, Db};
pub use meter::HeldBy;
pub use migration::Migration;
pub use once::{Begun, Compared, Once, OnceError, OnceProblem, RequestId};
pub use opened::{On, OnAny, OnPool, opened};
pub(crate) use statement::{Row, Value, in_millis, whole};
pub use stored::Stored;
pub(crate) use stored::{sorted, unquoted};
pub use transactional::Transactional;
pub use tx::Tx;
pub(crate) use verdict::verdict;
