//! Databases for tests: an SQLite file, and a schema of its own in the PostgreSQL of `RESIL_TEST_POSTGRES_URL`.
#![allow(dead_code, reason = "not every test needs all of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

pub mod lossy;
pub mod partner;
pub mod shop;

use resil::Db;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, PgPool, Postgres, Sqlite, SqlitePool};
use std::path::Path;
use std::str::FromStr;
use std::task::Poll;
use std::time::Duration;

/// How many connections each pool has.
pub const CONNECTIONS: u32 = 5;

/// A pool on this file.
pub async fn sqlite_pool(file: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(20));
    SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await.unwrap()
}

pub async fn sqlite(test: impl AsyncFnOnce(Db<Sqlite>)) {
    let folder = tempfile::tempdir().unwrap();
    let pool = sqlite_pool(&folder.path().join("test.db")).await;
    test(Db::new(pool.clone())).await;
    pool.close().await;
}

fn postgres_options() -> PgConnectOptions {
    let url =
        std::env::var("RESIL_TEST_POSTGRES_URL").expect("set RESIL_TEST_POSTGRES_URL, or leave out --include-ignored");
    PgConnectOptions::from_str(&url).unwrap()
}

/// A pool on this schema.
pub async fn postgres_pool(schema: &str) -> PgPool {
    let options = postgres_options().options([("search_path", schema)]);
    PgPoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await.unwrap()
}

/// Another pool on the schema of this one, with so many connections.
pub async fn postgres_pool_of(db: &Db<Postgres>, connections: u32) -> PgPool {
    let schema: String = sqlx::query_scalar("SELECT current_schema()").fetch_one(db.pool().unwrap()).await.unwrap();
    let options = postgres_options().options([("search_path", schema)]);
    PgPoolOptions::new().max_connections(connections).connect_with(options).await.unwrap()
}

pub async fn postgres(test: impl AsyncFnOnce(Db<Postgres>)) {
    let schema = format!("resil_{}", resil::IdempotencyKey::random().as_str().replace('-', ""));
    let mut outside = PgConnection::connect_with(&postgres_options()).await.unwrap();
    outside.execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.unwrap();
    let pool = postgres_pool(&schema).await;
    test(Db::new(pool.clone())).await;
    pool.close().await;
    outside.execute(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).await.unwrap();
}

/// A database of its own, in the same PostgreSQL.
pub async fn postgres_database(test: impl AsyncFnOnce(PgConnectOptions)) {
    let name = format!("resil_{}", resil::IdempotencyKey::random().as_str().replace('-', ""));
    let mut outside = PgConnection::connect_with(&postgres_options()).await.unwrap();
    outside.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    test(postgres_options().database(&name)).await;
    outside.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
}

/// Polls so many times at most, and drops what is left.
pub async fn dropped_after<F: Future>(polls: i64, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let mut polled = 0;
    std::future::poll_fn(|cx| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
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

/// Each test once for each database, which it calls `DB`.
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident) $body:block)*) => {
        mod sqlite {
            use super::*;
            #[allow(dead_code, reason = "not every test needs its name")]
            type DB = sqlx::Sqlite;
            $(
                $(#[$attribute])*
                #[tokio::test]
                async fn $name() {
                    let _scope = resil::testing::isolated();
                    $crate::support::sqlite(async |$db| $body).await;
                }
            )*
        }

        mod postgres {
            use super::*;
            #[allow(dead_code, reason = "not every test needs its name")]
            type DB = sqlx::Postgres;
            $(
                $(#[$attribute])*
                #[tokio::test]
                #[ignore = "needs RESIL_TEST_POSTGRES_URL"]
                async fn $name() {
                    let _scope = resil::testing::isolated();
                    $crate::support::postgres(async |$db| $body).await;
                }
            )*
        }
    };
}
