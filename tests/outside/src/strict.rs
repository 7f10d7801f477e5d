//! Modules that forbid, and one without a prelude.
#![forbid(dead_code, non_camel_case_types, unused_imports, unused_variables)]
#![deny(deprecated)]

use crate::functions::Answer;
use crate::transactions::Partner;
use resil::ledger::{Ledger, Opening, OriginalKey, Status};
use resil::{durable, outside_transaction, retry, timeout, Db, IdempotencyKey, Tx};
use sqlx::Sqlite;
use std::sync::Arc;

/// Never recorded in this program. Its parameters have the names of the functions beside it.
///
/// # Errors
///
/// Whatever fails.
#[durable(
    db = Sqlite, op = "strict.confirm", per = status, amount = given, verify = status, compensate = cancel,
    applied = written, undone = confirm_undone
)]
#[outside_transaction]
#[retry(idempotency_key = key)]
#[timeout("5s", read = "4s", allow(range))]
async fn confirm(
    partner: &Partner,
    status: u64,
    confirm: String,
    given: u64,
    _ctx: String,
    key: &IdempotencyKey,
) -> Answer<u64> {
    let text = format!("{partner:?}{confirm}{key}");
    std::future::ready(Ok(status + given + text.len() as u64)).await
}

async fn status(_: &Partner, order: u64, _: String, won: u64, _: String, _: &OriginalKey) -> Answer<Status<u64>> {
    std::future::ready(Ok(Status::Applied(order + won))).await
}

#[expect(clippy::too_many_arguments, reason = "the call has six")]
async fn cancel(
    _: &Partner,
    _: u64,
    _: String,
    _: u64,
    _: String,
    _: &OriginalKey,
    _: &IdempotencyKey,
    _: Option<u64>,
) -> Answer<()> {
    std::future::ready(Ok(())).await
}

async fn written(tx: &mut Tx<Sqlite>, _: u64, _: String, _: u64, _: String, _: &u64) -> Answer<()> {
    tx.savepoint(async |_tx| Ok(())).await
}

async fn confirm_undone(
    tx: &mut Tx<Sqlite>,
    _: u64,
    _: String,
    _: u64,
    _: String,
    _: &resil::ledger::Report,
) -> Answer<()> {
    tx.savepoint(async |_tx| Ok(())).await
}

mod hidden {
    use super::{durable, Answer, Sqlite};

    /// Public in a module that is not; written by a macro.
    macro_rules! never_recorded {
        ($name:ident, $op:literal) => {
            #[durable(db = Sqlite, op = $op)]
            pub async fn $name(order: u64) -> Answer<u64> {
                Ok(order)
            }
        };
    }
    never_recorded!(one, "strict.one");

    #[durable(db = Sqlite, op = "strict.other")]
    pub(crate) async fn other(order: u64) -> Answer<u64> {
        Ok(order)
    }
}

/// Nobody records this operation here.
pub fn ledger(db: &Db<Sqlite>) -> Opening<Sqlite> {
    Ledger::on(db.clone())
        .operation::<confirm>()
        .operation::<hidden::one>()
        .operation::<hidden::other>()
        .provide(Arc::new(Partner))
}

/// What is out of date, for everybody but the ledger.
pub mod outdated {
    use crate::functions::Answer;
    use resil::durable;

    /// Not to be called any more.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[deprecated = "write `confirm` instead"]
    #[durable(db = sqlx::Sqlite, op = "strict.outdated")]
    pub async fn outdated(order: u64) -> Answer<u64> {
        Ok(order)
    }

    /// The same with the attributes the other way round.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[durable(db = [sqlx::Sqlite, sqlx::Postgres], op = "strict.older", verify = known)]
    #[deprecated(note = "write `confirm` instead")]
    pub async fn older(order: u64) -> Answer<u64> {
        Ok(order)
    }

    async fn known(order: u64, _: &resil::ledger::OriginalKey) -> Answer<resil::ledger::Status<u64>> {
        std::future::ready(Ok(resil::ledger::Status::Applied(order))).await
    }
}

/// Nothing is imported here that was not asked for.
pub mod bare {
    #![no_implicit_prelude]

    use crate::functions::Answer;

    /// All of it.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[::resil::durable(db = ::sqlx::Sqlite, op = "strict.bare", per = order, amount = won, verify = known)]
    #[::resil::outside_transaction]
    #[::resil::non_idempotent]
    #[::resil::deadline("30s")]
    #[::resil::retry(unsent)]
    #[::resil::circuit_breaker(name = "strict bare", key = order)]
    #[::resil::semaphore(permits = 4)]
    #[::resil::timeout("5s", connect = "2s")]
    pub async fn bare(order: u64, won: u64) -> Answer<u64> {
        ::std::result::Result::Ok(order + won)
    }

    async fn known(order: u64, _: u64, _: &::resil::ledger::OriginalKey) -> Answer<::resil::ledger::Status<u64>> {
        ::std::future::ready(::std::result::Result::Ok(::resil::ledger::Status::Applied(order))).await
    }

    /// On threads of its own, with a way out.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[::resil::fallback(value = 0)]
    #[::resil::retry(idempotent)]
    #[::resil::bulkhead(threads = 1)]
    #[::resil::timeout("5s")]
    pub async fn isolated(order: u64) -> Answer<u64> {
        ::std::result::Result::Ok(order)
    }

    /// In a transaction, once.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[::resil::transactional(tx = db, op = "strict.once", once = request)]
    pub async fn once(db: &::resil::Db<::sqlx::Sqlite>, request: &::resil::IdempotencyKey, order: u64) -> Answer<u64> {
        let _ = tx;
        ::std::result::Result::Ok(order)
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn strict_modules_run() {
        assert_eq!(super::bare::bare(1, 2).await.unwrap(), 3);
        assert_eq!(super::bare::isolated(1).await.unwrap(), 1);
    }
}
