use resil::{Db, Error, Tx, non_idempotent, outside_transaction, retry, timeout, transactional};
use sqlx::Sqlite;
use std::pin::pin;
use std::time::Duration;
use tracing::Instrument as _;

struct Bank;

impl Bank {
    #[outside_transaction]
    #[non_idempotent]
    #[timeout("5s")]
    async fn charge(&self, won: u64) -> Result<u64, Error> {
        Ok(won)
    }
}

#[outside_transaction]
async fn pay(won: u64) -> Result<u64, Error> {
    Ok(won)
}

trait Gateway {
    #[outside_transaction]
    async fn order(&self) -> Result<u64, Error>;
}

struct Shop {
    db: Db<Sqlite>,
    bank: Bank,
}

impl Shop {
    #[transactional(tx = self.db)]
    async fn in_a_method(&self) -> Result<u64, Error> {
        let _ = tx;
        let won = self.bank.charge(5).await?;
        Ok(won)
    }

    #[transactional(tx)]
    async fn in_the_callers(&self, tx: &mut Tx<Sqlite>) -> Result<u64, Error> {
        let _ = tx;
        self.bank.charge(5).await
    }
}

#[transactional(tx = db)]
async fn through_a_generic(db: &Db<Sqlite>, gateway: &impl Gateway) -> Result<u64, Error> {
    let _ = tx;
    gateway.order().await
}

#[retry(idempotent)]
#[transactional(tx = db)]
async fn twice_wrong(db: &Db<Sqlite>, bank: &Bank) -> Result<u64, Error> {
    let _ = tx;
    bank.charge(5).await
}

#[transactional(tx)]
async fn in_layers(tx: &mut Tx<Sqlite>) -> Result<u64, Error> {
    let _ = tx;
    let boxed = Box::pin(pay(1)).await?;
    let timed = tokio::time::timeout(Duration::from_secs(1), pay(1).in_current_span()).await.unwrap_or(Ok(0))?;
    let mut call = pin!(pay(1));
    let by_reference = (&mut call).await?;
    Ok(boxed + timed + by_reference)
}

#[transactional(tx)]
async fn joined(tx: &mut Tx<Sqlite>) -> Result<u64, Error> {
    let _ = tx;
    let (one, other) = tokio::join!(pay(1), async { pay(2).await });
    let (two, _) = tokio::try_join!(pay(1), async { Ok::<_, Error>(()) })?;
    Ok(one? + other? + two)
}

#[transactional(tx)]
async fn in_a_savepoint(tx: &mut Tx<Sqlite>) -> Result<u64, Error> {
    tx.savepoint(async |_tx| pay(1).await).await
}

/// Nothing of resil's.
mod timers {
    pub async fn after<T>(delay: std::time::Duration, call: impl std::future::Future<Output = T>) -> T {
        tokio::time::sleep(delay).await;
        call.await
    }

    pub async fn allow<T>(call: impl std::future::Future<Output = T>) -> T {
        call.await
    }
}

#[transactional(tx)]
async fn in_functions_named_like_ours(tx: &mut Tx<Sqlite>) -> Result<u64, Error> {
    use timers::allow;
    let _ = tx;
    let late = timers::after(Duration::ZERO, async { pay(1).await }).await?;
    Ok(late + allow(async { pay(2).await }).await?)
}

fn main() {}
