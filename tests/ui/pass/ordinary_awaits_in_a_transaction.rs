//! What may be awaited in a transaction, and what is exempt; a mark on every kind of function.
#![deny(warnings)]
#![allow(dead_code)]

use resil::{Backend, Db, Error, OutsideTransaction, Tx, fallback, outside_transaction, retry, semaphore, timeout, transactional};
use sqlx::{Postgres, Sqlite};
use std::future::Future;
use std::sync::Arc;

#[derive(Debug)]
enum Failed {
    Sql(sqlx::Error),
    Policy(Error),
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

impl resil::Classify for Failed {
    fn verdict(&self) -> resil::Verdict {
        match self {
            Self::Sql(error) => error.verdict(),
            Self::Policy(error) => error.verdict(),
        }
    }
}

/// A payment, not a database transaction.
struct Transaction {
    won: u64,
}

struct Partner;

impl Partner {
    #[outside_transaction]
    #[fallback(value = 0)]
    #[timeout("5s")]
    async fn pay(&self, transaction: &Transaction) -> Result<u64, Error> {
        Ok(transaction.won)
    }

    #[outside_transaction]
    #[track_caller]
    async fn recursive(&self, depth: u32) -> Result<u32, Error> {
        if depth == 0 { Ok(0) } else { Ok(Box::pin(self.recursive(depth - 1)).await? + 1) }
    }

    #[outside_transaction]
    fn promised(&self, won: u64) -> impl Future<Output = Result<u64, Error>> + Send {
        let doubled = 2 * won;
        async move { Ok(doubled) }
    }

    #[outside_transaction]
    fn borrowing(&self) -> impl Future<Output = Result<*const Self, Error>> {
        async { Ok(std::ptr::from_ref(self)) }
    }
}

trait Gateway {
    #[outside_transaction]
    fn status(&self) -> impl Future<Output = Result<u64, Error>> + Send;
}

impl Gateway for Partner {
    #[outside_transaction]
    async fn status(&self) -> Result<u64, Error> {
        Ok(7)
    }
}

struct Shop {
    db: Db<Sqlite>,
    partner: Arc<Partner>,
}

impl Shop {
    #[retry(unsent)]
    #[semaphore(permits = 4)]
    #[timeout("5s")]
    #[transactional(tx = self.db)]
    async fn order(&self, item: &str, number: i64) -> Result<i64, Failed> {
        sqlx::query("INSERT INTO orders VALUES (?, ?)").bind(item).bind(number).execute(&mut *tx).await?;
        let (id,): (i64,) = sqlx::query_as("SELECT count(*) FROM orders").fetch_one(&mut *tx).await?;
        let noted = self.note(tx, id).await;
        tx.savepoint(async |tx| self.note(tx, id).await).await?;
        let partner = Arc::clone(&self.partner);
        ::resil::after(async move {
            _ = partner.pay(&Transaction { won: 5 }).await;
        });
        let rate = resil::allow("the rate of this moment", self.partner.pay(&Transaction { won: 5 })).await?;
        let rates = resil::allow("the rates of this moment", async {
            let (one, other) = tokio::join!(self.partner.status(), self.partner.status());
            Ok::<_, Error>(one? + other?)
        });
        let rates = rates.await?;
        tokio::task::yield_now().await;
        noted?;
        Ok(id + (rate + rates) as i64)
    }

    #[transactional(tx)]
    async fn every_way(&self, tx: &mut Tx<Sqlite>) -> Result<usize, Failed> {
        sqlx::raw_sql("DELETE FROM notes").execute(&mut *tx).await?;
        let all = sqlx::query("SELECT number FROM notes").fetch_all(&mut *tx).await?;
        let one = sqlx::query("SELECT number FROM notes").fetch_optional(&mut *tx).await?;
        let mut rows = sqlx::query_scalar::<_, i64>("SELECT number FROM notes").fetch(&mut *tx);
        while let Some(row) = futures_util::TryStreamExt::try_next(&mut rows).await? {
            _ = row;
        }
        drop(rows);
        sqlx::Executor::execute(&mut *tx, "SELECT 1").await?;
        // The connection in it.
        sqlx::query("SELECT 1").execute(&mut **tx).await?;
        sqlx::query("SELECT 1").execute(tx).await?;
        Ok(all.len() + one.iter().len())
    }

    async fn begun_by_hand(&self) -> Result<(), Failed> {
        let pool = self.db.pool()?;
        let mut tx = self.db.adopt(pool.begin().await?).await?;
        sqlx::query("SELECT 1").execute(&mut *tx).await?;
        sqlx::query("SELECT 1").execute(&mut tx).await?;
        sqlx::query("SELECT 1").fetch_one(&mut *tx).await?;
        drop(sqlx::query("SELECT 1").fetch(&mut tx));
        tx.commit().await?;
        let read = async |connection: &mut resil::Connection<Sqlite>| {
            sqlx::query("SELECT 1").execute(&mut *connection).await?;
            sqlx::query("SELECT 1").execute(&mut **connection).await?;
            Ok(())
        };
        self.db.connection(read).await
    }

    #[transactional(tx)]
    async fn note(&self, tx: &mut Tx<Sqlite>, id: i64) -> Result<(), Failed> {
        sqlx::query("INSERT INTO notes VALUES (?)").bind(id).execute(&mut *tx).await.map(drop)?;
        Ok(())
    }
}

#[transactional(tx = db)]
async fn generic<T: Into<i64> + Send>(db: &Db<Postgres>, value: T) -> Result<i64, Failed> {
    let doubled: i64 = sqlx::query_scalar("SELECT 2 * $1").bind(value.into()).fetch_one(&mut *tx).await?;
    if doubled == 0 {
        return Ok(0);
    }
    Ok(doubled)
}

/// Whatever the database, as far as that can be said of the statement.
async fn on_any<DB: Backend>(tx: &mut Tx<DB>) -> Result<u64, sqlx::Error>
where
    u64: From<DB::QueryResult>,
{
    sqlx::raw_sql("SELECT 1").execute(&mut *tx).await.map(u64::from)
}

fn is_send<T: Send>(future: T) -> T {
    future
}

fn main() {
    let _check = |shop: &'static Shop, db: &'static Db<Postgres>| {
        drop(is_send(shop.order("tea", 1)));
        drop(is_send(generic(db, 1_i32)));
        drop(is_send(shop.begun_by_hand()));
        drop(is_send(shop.db.transaction(async |tx| shop.every_way(tx).await)));
        drop(is_send(shop.db.transaction(async |tx| shop.note(tx, 7).await)));
    };
    let partner = Partner;
    let _typed: OutsideTransaction<_> = is_send(partner.pay(&Transaction { won: 1 }));
}
