//! Transactions, and calls that stay outside of them.

use crate::functions::Answer;
use resil::ledger::{OriginalKey, Status};
use resil::{
    durable, fallback, non_idempotent, outside_transaction, retry, timeout, transactional, Db, IdempotencyKey, RequestKey, Tx,
};
use sqlx::Sqlite;
use std::future::Future;
use std::sync::Arc;

/// A partner.
#[derive(Debug)]
pub struct Partner;

/// Marked declarations.
pub trait Pays {
    /// Calls out.
    #[outside_transaction]
    #[non_idempotent]
    fn pay(&self, won: u64) -> impl Future<Output = Answer<u64>> + Send;
}

impl Pays for Partner {
    #[outside_transaction]
    #[non_idempotent]
    #[fallback(value = 0)]
    #[timeout("5s")]
    async fn pay(&self, won: u64) -> Answer<u64> {
        Ok(won)
    }
}

/// A shop.
#[derive(Debug)]
pub struct Shop {
    /// Its database.
    pub db: Db<Sqlite>,
    /// Who charges for it.
    pub partner: Arc<Partner>,
}

impl Shop {
    /// Charges, then writes.
    ///
    /// # Errors
    ///
    /// Whatever fails.
    pub async fn order<'a>(&self, item: &'a str, (won, _): (u64, String)) -> Answer<(&'a str, i64)> {
        let paid = self.partner.pay(won).await?;
        Ok((item, self.write(item, paid).await?))
    }

    /// Writes what was charged.
    ///
    /// # Errors
    ///
    /// Whatever fails.
    #[retry(unsent)]
    #[timeout("5s")]
    #[transactional(tx = self.db)]
    pub async fn write(&self, item: &str, paid: u64) -> Answer<i64> {
        let partner = Arc::clone(&self.partner);
        resil::after(async move {
            drop(partner.pay(0).await);
        });
        let number = self.count(tx).await?;
        let allowed = resil::allow("it is a test", self.partner.pay(paid)).await?;
        let [tx, _] = [tx.savepoint(async |_tx| Answer::Ok(number)).await?, 0];
        Ok(tx + i64::try_from(allowed).unwrap_or(0) + i64::try_from(item.len()).unwrap_or(0))
    }

    /// Writes once for each request.
    ///
    /// # Errors
    ///
    /// Whatever fails.
    #[retry(idempotent)]
    #[transactional(tx = self.db, op = "outside.write", once = request, keep = "1h")]
    pub async fn write_once(&self, request: &IdempotencyKey, item: &str, number: u32) -> Answer<(String, i64)> {
        Ok((format!("{item} {number}"), self.count(tx).await?))
    }

    /// Writes once, with a parameter that this build has not, and one that it has.
    ///
    /// # Errors
    ///
    /// Whatever fails.
    #[transactional(tx = self.db, op = "outside.conditional", once = request.of("alice"))]
    pub async fn conditional(
        &self,
        request: &RequestKey,
        #[cfg(any())] gone: Missing,
        #[cfg(any(unix, windows))] number: i64,
    ) -> Answer<i64> {
        Ok(self.count(tx).await? + number)
    }

    /// Takes part.
    ///
    /// # Errors
    ///
    /// Whatever fails.
    #[transactional(tx)]
    pub async fn count(&self, tx: &mut Tx<Sqlite>) -> Answer<i64> {
        tx.savepoint(async |_tx| Ok(7)).await
    }
}

/// Pays, and knows in the end whether it has.
///
/// # Errors
///
/// Whatever fails.
#[durable(
    db = [Sqlite, sqlx::Postgres], op = "outside.settle", per = order, verify = settled, applied = written, settle = "2m"
)]
#[outside_transaction]
#[retry(idempotency_key = key)]
#[timeout("5s")]
pub async fn settle(partner: &Partner, order: u64, won: u64, key: &IdempotencyKey) -> Answer<u64> {
    let _ = key;
    partner.pay(won).await
}

async fn settled(_: &Partner, _: u64, won: u64, _: &OriginalKey) -> Answer<Status<u64>> {
    std::future::ready(Ok(Status::Applied(won))).await
}

async fn written<DB: resil::Backend>(tx: &mut Tx<DB>, _: u64, won: u64, receipt: &u64) -> Answer<()> {
    let agrees = won == *receipt;
    tx.savepoint(async |_tx| if agrees { Ok(()) } else { Err(resil::Error::MissingKey { method: "POST" }.into()) }).await
}

#[cfg(test)]
mod tests {
    use super::{settle, Partner, Shop};
    use resil::ledger::Ledger;
    use resil::{Db, IdempotencyKey};
    use std::sync::Arc;

    #[tokio::test]
    async fn orders_are_charged_and_written_in_spawned_tasks() {
        let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
        let db = Db::new(options.connect_lazy("sqlite::memory:").expect("a pool"));
        db.migrate().await.expect("tables");
        let shop = Shop { db, partner: Arc::new(Partner) };
        let (request, client) = (IdempotencyKey::random(), "r-2".parse().expect("a key"));
        let once = shop.write_once(&request, "tea", 2).await.expect("it runs");
        assert_eq!(shop.write_once(&request, "tea", 2).await.expect("it is known"), once);
        assert!(shop.write_once(&request, "tea", 3).await.is_err());
        assert_eq!(shop.conditional(&client, 1).await.ok(), Some(8));
        assert_eq!(shop.conditional(&client, 1).await.ok(), Some(8));
        assert!(shop.conditional(&client, 2).await.is_err());
        let ledger = Ledger::on(shop.db.clone()).operation::<settle>().provide(Arc::clone(&shop.partner));
        assert!(ledger.open().await.is_err(), "in memory it would forget");
        let recorded = shop.db.transaction(async |tx| settle::record(tx, 7, 500).await).await.expect("an intent");
        assert_eq!(recorded.id().to_string().len(), 36);
        let spawned = tokio::spawn(async move { shop.order("tea", (5, String::new())).await.ok() });
        assert_eq!(spawned.await.ok().flatten(), Some(("tea", 7 + 5 + 3)));
    }
}
