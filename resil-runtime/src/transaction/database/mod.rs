//! Transactions and connections of an sqlx pool that the context knows of.

mod backend;
mod begin;
mod db;
mod meter;
mod once;
mod opened;
mod schema;
mod statement;
mod tx;
mod verdict;

pub use backend::{Backend, database_name};
pub use db::{Connection, Db};
pub use meter::HeldBy;
pub use once::Begun;
pub use opened::{On, OnAny, OnPool, opened};
pub(crate) use statement::{Row, Value, in_millis, whole};
pub use tx::Tx;
pub(crate) use verdict::verdict;
