//! The partner's own book, in a file of its own: what it has really done, whatever it answered.

use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use std::path::Path;

/// A payment as the partner tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub number: u64,
    pub key: String,
    pub order: i64,
    pub won: u32,
    /// `charged`, or `cancelled`.
    pub state: String,
    /// When it was charged, in milliseconds since 1970.
    pub at: i64,
}

impl Payment {
    pub fn is_charged(&self) -> bool {
        self.state == "charged"
    }
}

type Columns = (i64, String, i64, i64, String, i64);

fn payment((number, key, order, won, state, at): Columns) -> Payment {
    let (number, won) = (u64::try_from(number).unwrap_or_default(), u32::try_from(won).unwrap_or_default());
    Payment { number, key, order, won, state, at }
}

/// What the shop sends.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Charge {
    pub order: i64,
    pub won: u32,
}

#[derive(Clone)]
pub struct Book(SqlitePool);

const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS payments (
        number INTEGER PRIMARY KEY AUTOINCREMENT, idempotency_key TEXT NOT NULL, of_order BIGINT NOT NULL,
        won BIGINT NOT NULL, state TEXT NOT NULL, at BIGINT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS payments_key ON payments (idempotency_key);";

/// One statement, so that two requests with one key cannot both be the first.
const CHARGE: &str = "
    INSERT INTO payments (idempotency_key, of_order, won, state, at)
        SELECT $1, $2, $3, 'charged', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
        WHERE $4 OR NOT EXISTS (SELECT 1 FROM payments WHERE idempotency_key = $1)";

impl Book {
    pub async fn open(file: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let options = options.journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        sqlx::raw_sql(TABLE).execute(&pool).await?;
        Ok(Self(pool))
    }

    /// Charges, unless there is a payment under this key: then that is answered. A partner that forgets keys charges again.
    pub async fn charge(&self, key: &str, charge: Charge, forgets: bool) -> Result<Option<Payment>, sqlx::Error> {
        let insert = sqlx::query(CHARGE).bind(key).bind(charge.order).bind(i64::from(charge.won)).bind(forgets);
        insert.execute(&self.0).await?;
        self.find(key).await
    }

    pub async fn find(&self, key: &str) -> Result<Option<Payment>, sqlx::Error> {
        let select = "SELECT number, idempotency_key, of_order, won, state, at FROM payments
            WHERE idempotency_key = $1 ORDER BY number LIMIT 1";
        Ok(sqlx::query_as(select).bind(key).fetch_optional(&self.0).await?.map(payment))
    }

    /// Whether there was one to cancel.
    pub async fn cancel(&self, key: &str) -> Result<bool, sqlx::Error> {
        let cancel = sqlx::query("UPDATE payments SET state = 'cancelled' WHERE idempotency_key = $1").bind(key);
        Ok(cancel.execute(&self.0).await?.rows_affected() > 0)
    }

    /// What was charged in this time.
    pub async fn list(&self, from: i64, to: i64) -> Result<Vec<Payment>, sqlx::Error> {
        let select = "SELECT number, idempotency_key, of_order, won, state, at FROM payments
            WHERE at >= $1 AND at < $2 ORDER BY number";
        let found: Vec<Columns> = sqlx::query_as(select).bind(from).bind(to).fetch_all(&self.0).await?;
        Ok(found.into_iter().map(payment).collect())
    }
}
