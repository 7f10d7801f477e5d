//! Where the shop's books are: a file of SQLite, or PostgreSQL.

use crate::books::Books;
use resil::Db;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Postgres, Sqlite};
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

pub const CONNECTIONS: u32 = 5;
/// Whoever waits longer for a connection, or for the one writer of SQLite, is told that the service is busy.
const PATIENCE: Duration = Duration::from_secs(10);

pub async fn sqlite(file: &Path) -> Result<Db<Sqlite>, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).busy_timeout(PATIENCE);
    let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
    Ok(Db::new(pool.connect_with(options).await?))
}

/// In a schema, if one is named.
pub async fn postgres(url: &str, schema: Option<&str>) -> Result<Db<Postgres>, sqlx::Error> {
    let mut options = PgConnectOptions::from_str(url)?;
    if let Some(schema) = schema {
        options = options.options([("search_path", schema)]);
    }
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
    Ok(Db::new(pool.connect_with(options).await?))
}

/// Behind `PgBouncer` in transaction mode.
pub async fn pooled(url: &str) -> Result<Db<Postgres>, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?.statement_cache_capacity(0);
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
    Ok(Db::new(pool.connect_with(options).await?).behind_pooler())
}

/// Makes a schema that nobody else uses.
pub async fn own_schema(url: &str, schema: &str) -> Result<Db<Postgres>, sqlx::Error> {
    let db = postgres(url, Some(schema)).await?;
    execute(&db, format!("CREATE SCHEMA {schema}")).await?;
    Ok(db)
}

pub async fn drop_schema(db: &Db<Postgres>, schema: &str) -> Result<(), sqlx::Error> {
    execute(db, format!("DROP SCHEMA {schema} CASCADE")).await
}

pub async fn execute(db: &Db<Postgres>, sql: String) -> Result<(), sqlx::Error> {
    let Ok(pool) = db.pool() else { return Err(sqlx::Error::PoolClosed) };
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.map(drop)
}

/// How many connections are out of the pool.
pub fn in_use<DB: Books>(db: &Db<DB>) -> usize {
    db.pool().map_or(0, |pool| pool.size() as usize - pool.num_idle())
}
