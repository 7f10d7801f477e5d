//! A test that starts itself again and again: as the one that plays, and as those that die. Both use the same database.
#![allow(dead_code, reason = "not every test needs all of it")]

use resil::Db;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Postgres, Sqlite};
use std::env;
use std::str::FromStr as _;
use std::time::Duration;
use tempfile::TempDir;

/// The arguments of the process that plays. `None` in one that has died by its orders, or has nothing to play.
pub fn to_play(orders: &str, dies: fn(&str)) -> Option<Vec<String>> {
    if let Ok(orders) = env::var(orders) {
        dies(&orders);
        return None;
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("kills: test");
        return None;
    }
    // It plays by what there is, and ignores nothing.
    let is_for_others = arguments.iter().any(|argument| argument == "--ignored");
    (!is_for_others).then_some(arguments)
}

/// Processes die here, and not the machine: a disk in memory keeps as much, and a hundred times faster.
pub fn in_memory() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

pub async fn sqlite(file: &str) -> Db<Sqlite> {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).busy_timeout(Duration::from_secs(20));
    Db::new(SqlitePoolOptions::new().max_connections(2).connect_with(options).await.unwrap())
}

/// In this schema of the PostgreSQL of `RESIL_TEST_POSTGRES_URL`.
pub fn postgres_options(schema: &str) -> PgConnectOptions {
    let url = env::var("RESIL_TEST_POSTGRES_URL").unwrap();
    PgConnectOptions::from_str(&url).unwrap().options([("search_path", schema)])
}

pub async fn postgres(schema: &str) -> Db<Postgres> {
    postgres_with(postgres_options(schema)).await
}

pub async fn postgres_with(options: PgConnectOptions) -> Db<Postgres> {
    Db::new(PgPoolOptions::new().max_connections(2).connect_with(options).await.unwrap())
}
