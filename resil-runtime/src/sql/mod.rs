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

use crate::registry::{Intents, policies};
use crate::{Classify, Policy, Verdict};
use std::error::Error as StdError;

/// The functions that an attribute opens a transaction for.
#[cfg(feature = "metrics")]
pub(crate) fn opening() -> impl Iterator<Item = &'static crate::Site> {
    policies().filter_map(Policy::downcast_ref::<db::Transactional>).filter_map(db::Transactional::opens)
}

/// No intents, for each operation that an attribute writes.
pub(crate) fn declared() -> impl Iterator<Item = Intents> {
    let durable = policies().filter_map(Policy::downcast_ref::<ledger::Durable>);
    durable.flat_map(|durable| ledger::no_intents(durable.op()))
}

/// What an error of sqlx's means.
pub(crate) fn verdict(error: &(dyn StdError + 'static)) -> Option<Verdict> {
    error.downcast_ref::<sqlx::Error>().map(Classify::verdict)
}
