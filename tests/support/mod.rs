//! Databases for tests: an SQLite file, and a schema of its own in the PostgreSQL of `RESIL_TEST_POSTGRES_URL`.
#![allow(dead_code, reason = "not every test needs all of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use resil::Db;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Postgres, Sqlite};
use std::str::FromStr;
use std::time::Duration;

/// How many connections each pool has.
pub const CONNECTIONS: u32 = 5;

pub async fn sqlite(test: impl AsyncFnOnce(Db<Sqlite>)) {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("test.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(20));
    let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await.unwrap();
    test(Db::new(pool.clone())).await;
    pool.close().await;
}

pub async fn postgres(test: impl AsyncFnOnce(Db<Postgres>)) {
    let url =
        std::env::var("RESIL_TEST_POSTGRES_URL").expect("set RESIL_TEST_POSTGRES_URL, or leave out --include-ignored");
    let schema = format!("resil_{}", resil::IdempotencyKey::random().as_str().replace('-', ""));
    let options = PgConnectOptions::from_str(&url).unwrap();
    let mut outside = PgConnection::connect_with(&options).await.unwrap();
    outside.execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.unwrap();
    let options = options.options([("search_path", &schema)]);
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await.unwrap();
    test(Db::new(pool.clone())).await;
    pool.close().await;
    outside.execute(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).await.unwrap();
}

/// The same test on both databases.
#[macro_export]
macro_rules! on_both {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {
        mod sqlite {
            $(
                $(#[$attribute])*
                #[tokio::test]
                async fn $name() {
                    let _scope = resil::testing::isolated();
                    $crate::support::sqlite(super::$name).await;
                }
            )*
        }

        mod postgres {
            $(
                $(#[$attribute])*
                #[tokio::test]
                #[ignore = "needs RESIL_TEST_POSTGRES_URL"]
                async fn $name() {
                    let _scope = resil::testing::isolated();
                    $crate::support::postgres(super::$name).await;
                }
            )*
        }
    };
}
