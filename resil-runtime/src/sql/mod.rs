//! What needs a database: transactions that the context knows of, and what is built on their commits.

pub(crate) mod db;
#[cfg(feature = "testing")]
pub(crate) mod faults;
pub mod ledger;
pub mod outbox;
#[cfg(feature = "axum")]
pub(crate) mod replay;
mod worker;
