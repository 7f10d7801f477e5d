//! What a ledger finds before its first intent.

#![expect(clippy::unwrap_used, reason = "a test")]

mod support;

use resil::ledger::{Dependencies, Failed, Ledger, Operation, Required, Settings};
use resil::{Backend, Db, Error, IdempotencyKey, durable};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Postgres, Sqlite};
use std::sync::Arc;
use std::time::Duration;

struct Bank;
struct Mailer;

#[durable(db = [Sqlite, Postgres], op = "pay", per = order)]
async fn pay(bank: &Bank, order: u64, won: u64, key: &IdempotencyKey) -> Result<u64, Error> {
    let _ = (bank, key);
    Ok(won)
}

/// Another function that took the name.
struct AlsoPay;

impl<DB: Backend> Operation<DB> for AlsoPay {
    const NAME: &'static str = "pay";
    const VERSION: u32 = 1;
    const SHAPE: &'static str = "order: u64, won: u32 -> String";
    type Arguments = (u64, u32);
    type Receipt = String;

    fn requires(all: &mut Required) {
        all.needs::<Bank>().needs::<Mailer>();
    }

    async fn call(_: &Dependencies, _: (u64, u32), _: &IdempotencyKey) -> Result<String, Failed> {
        Ok(String::new())
    }
}

async fn problems<DB: Backend>(opening: resil::ledger::Opening<DB>) -> Vec<String> {
    match opening.open().await.unwrap_err() {
        Error::Misconfigured(all) => all.problems().to_vec(),
        other => panic!("{other}"),
    }
}

async fn all_problems_are_told_at_once<DB: Backend>(db: Db<DB>) {
    db.migrate().await.unwrap();
    let opening = Ledger::on(db).operation::<AlsoPay>().operation::<AlsoPay>();
    let opening = opening.provide(Arc::new(Mailer)).provide(Arc::new(Mailer)).lease(Duration::from_millis(1));
    assert_eq!(
        problems(opening).await,
        [
            "a lease of 1ms is over before it is written: give 30s",
            "operation `pay` borrows a `ledger_open::Bank`, and none is given: write `.provide(Arc::new(..))`",
            "operation `pay` version 1 is there twice: give one of the two another `op`, or another version",
            "two `ledger_open::Mailer` are given to the ledger: wrap one of the two in a type of its own",
        ]
    );
}

/// What the compiler cannot see: its settings are known at run time.
struct Forgotten;

impl<DB: Backend> Operation<DB> for Forgotten {
    const NAME: &'static str = "forgotten";
    const VERSION: u32 = 1;
    const SHAPE: &'static str = "order: u64 -> u64";
    type Arguments = u64;
    type Receipt = u64;

    fn settings() -> Settings {
        Settings::new().settle(Duration::from_secs(90)).key_lifetime(Duration::from_secs(90))
    }

    async fn call(_: &Dependencies, order: u64, _: &IdempotencyKey) -> Result<u64, Failed> {
        Ok(order)
    }
}

async fn times_that_cannot_be_kept_are_told<DB: Backend>(db: Db<DB>) {
    db.migrate().await.unwrap();
    let opening = Ledger::on(db).partial().operation::<Forgotten>().lease(Duration::from_hours(24 * 7 + 1));
    assert_eq!(
        problems(opening).await,
        [
            "operation `forgotten`: `settle` (90s) is not below `key_lifetime` (90s), so that the partner may have forgotten \
             the key when a repeat arrives: write a shorter `settle`, or the time for which the partner keeps a key",
            "with a lease of 608400s nobody takes over from a process that has died: give 30s",
        ]
    );
}

async fn a_durable_function_that_nobody_would_drive_is_told<DB: Backend>(db: Db<DB>) {
    db.migrate().await.unwrap();
    let forgotten = problems(Ledger::on(db.clone())).await;
    assert_eq!(forgotten.len(), 1, "{forgotten:?}");
    assert!(forgotten[0].starts_with("operation `pay` of ledger_open::pay (tests/ledger_open.rs:"), "{forgotten:?}");
    assert!(forgotten[0].contains("write `.operation::<pay>()`, or `.partial()`"), "{forgotten:?}");
    Ledger::on(db).partial().open().await.unwrap();
}

async fn without_tables_it_says_what_to_write<DB: Backend>(db: Db<DB>) {
    let error = Ledger::on(db).partial().operation::<AlsoPay>().provide(Arc::new(Bank)).provide(Arc::new(Mailer));
    let error = error.open().await.unwrap_err().to_string();
    assert!(error.ends_with("write `db.migrate().await?` at start"), "{error}");
}

on_both! {
    all_problems_are_told_at_once,
    times_that_cannot_be_kept_are_told,
    a_durable_function_that_nobody_would_drive_is_told,
    without_tables_it_says_what_to_write,
}

#[tokio::test]
async fn what_is_stored_must_not_change_under_the_same_version() {
    support::sqlite(async |db| {
        db.migrate().await.unwrap();
        Ledger::on(db.clone()).operation::<pay>().provide(Arc::new(Bank)).open().await.unwrap();
        let changed = Ledger::on(db).partial().operation::<AlsoPay>().provide(Arc::new(Bank)).provide(Arc::new(Mailer));
        assert_eq!(
            problems(changed).await,
            ["operation `pay` version 1 has changed: the ledger has intents of `order: u64, won: u64 -> u64`, and now it is \
              `order: u64, won: u32 -> String`: write `version = 2`, and keep the old one under its version until its \
              intents are done"]
        );
    })
    .await;
}

async fn sqlite_problems(options: SqliteConnectOptions) -> Vec<String> {
    let db = Db::<Sqlite>::new(sqlx::SqlitePool::connect_with(options).await.unwrap());
    db.migrate().await.unwrap();
    problems(Ledger::on(db).partial()).await
}

#[tokio::test]
async fn an_sqlite_that_forgets_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteConnectOptions::new().filename(folder.path().join("unsafe.db")).create_if_missing(true);
    let all = sqlite_problems(file.clone().journal_mode(SqliteJournalMode::Delete)).await;
    assert!(all[0].starts_with("SQLite with `journal_mode = delete`"), "{all:?}");
    assert!(all[0].ends_with("write `.journal_mode(SqliteJournalMode::Wal)` on the connect options"), "{all:?}");
    let wal = file.journal_mode(SqliteJournalMode::Wal);
    for level in [SqliteSynchronous::Off, SqliteSynchronous::Normal] {
        let all = sqlite_problems(wal.clone().synchronous(level)).await;
        assert!(all[0].ends_with("write `.synchronous(SqliteSynchronous::Full)` on the connect options"), "{all:?}");
    }
    let safe =
        Db::<Sqlite>::new(sqlx::SqlitePool::connect_with(wal.synchronous(SqliteSynchronous::Full)).await.unwrap());
    Ledger::on(safe).partial().open().await.unwrap();
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_postgresql_that_forgets_is_refused() {
    support::postgres(async |db: Db<Postgres>| {
        db.migrate().await.unwrap();
        let options = (*db.pool().unwrap().connect_options()).clone().options([("synchronous_commit", "off")]);
        let forgets = Db::new(sqlx::PgPool::connect_with(options).await.unwrap());
        let all = problems(Ledger::on(forgets).partial()).await;
        assert!(all[0].starts_with("PostgreSQL with `synchronous_commit = off` forgets"), "{all:?}");
        Ledger::on(db).partial().open().await.unwrap();
    })
    .await;
}
