//! What needs a database: transactions that the context knows of, and what is built on their commits. Without one, `absent.rs`
//! stands here.

#[cfg(feature = "axum")]
mod answers;
pub(crate) mod db;
#[cfg(feature = "testing")]
pub(crate) mod faults;
pub mod ledger;
pub mod outbox;
mod rates;
#[cfg(feature = "axum")]
pub(crate) mod replay;
mod worker;

pub(crate) use db::OnceError;
pub(crate) use ledger::{LedgerError, LedgerEvent};
pub(crate) use outbox::{OutboxError, OutboxEvent};
pub(crate) use rates::TABLE as RATES;

use crate::{Classify, Verdict};
use std::error::Error as StdError;

/// What an error of sqlx's means.
pub(crate) fn verdict(error: &(dyn StdError + 'static)) -> Option<Verdict> {
    error.downcast_ref::<sqlx::Error>().map(Classify::verdict)
}
