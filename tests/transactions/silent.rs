//! A database that stops answering in the middle of a step. The pool has one connection: what comes next would wait for it, or
//! go on in what was left half way.

use super::*;
use crate::support::lossy::{self, Lost};
use crate::support::postgres;

const BOUND: Duration = Duration::from_millis(500);

/// A transaction with one of each step.
async fn each_step(db: &Db<Postgres>, number: i64) -> Result<(), Failed> {
    db.transaction(async |tx| {
        tx.outbox("numbers", &number).await?;
        let part: Result<(), Failed> = tx.savepoint(async |_tx| Err(Failed::Refused)).await;
        match part {
            Err(Failed::Refused) => {}
            ended => ended?,
        }
        tx.savepoint(async |tx| Ok::<_, Failed>(Postgres::add(tx, number).await?)).await?;
        Ok(())
    })
    .await
}

async fn rolls_back(db: &Db<Postgres>) -> Result<(), Failed> {
    let rolled_back = db.transaction(async |tx| {
        Postgres::add(tx, -1).await?;
        Err::<(), _>(Failed::Refused)
    });
    match rolled_back.await {
        Err(Failed::Refused) => Ok(()),
        ended => ended,
    }
}

/// What ends each step, and whether what came before was committed all the same.
const STEPS: [(&str, bool); 8] = [
    ("BEGIN", false),
    ("INSERT INTO resil_outbox", false),
    ("SAVEPOINT resil_0", false),
    ("ROLLBACK TO SAVEPOINT resil_0", false),
    ("RELEASE SAVEPOINT resil_0", false),
    ("SELECT current_setting('resil.transaction', true)", false),
    ("COMMIT", true),
    ("ROLLBACK", false),
];

/// Who serves the one connection.
async fn server_of(silent: &Db<Postgres>) -> i32 {
    sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(silent.pool().unwrap()).await.unwrap()
}

/// It has been run there.
async fn has_arrived(db: &Db<Postgres>, server: i32, step: &str) {
    let seen = "SELECT position($2 IN query) > 0 AND state LIKE 'idle%' FROM pg_stat_activity WHERE pid = $1";
    let seen = || sqlx::query_scalar::<_, bool>(seen).bind(server).bind(step);
    while !seen().fetch_one(db.pool().unwrap()).await.unwrap() {}
}

async fn nothing_is_lost_after(lost: &Db<Postgres>, db: &Db<Postgres>, server: i32, step: &str, is_done: bool) {
    // What hears nothing from its client any more would keep its locks.
    let end = sqlx::query("SELECT pg_terminate_backend($1, 5000)").bind(server);
    end.execute(db.pool().unwrap()).await.unwrap();
    let before = Postgres::numbers(db).await;
    assert_eq!(before.contains(&1), is_done, "{step}");
    for number in 10..13 {
        each_step(lost, number).await.unwrap_or_else(|error| panic!("after {step}: {error:?}"));
    }
    let numbers = Postgres::numbers(db).await;
    assert!(numbers.ends_with(&[10, 11, 12]), "what was answered Ok after {step} is there: {numbers:?}");
    for sql in ["DELETE FROM book", "DELETE FROM resil_outbox"] {
        sqlx::query(sql).execute(db.pool().unwrap()).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn no_step_that_is_never_answered_costs_a_later_write() {
    let _scope = resil::testing::isolated();
    resil::testing::answer_within(BOUND);
    postgres(async |db| {
        db.migrate().await.unwrap();
        Postgres::create(&db).await;
        for (step, commits) in STEPS {
            for arrives in [false, true] {
                let lost = if arrives { Lost::AnswersFrom(step) } else { Lost::From(step) };
                let silent = lossy::through(lost, 1, &db).await;
                let server = server_of(&silent).await;
                if step == "ROLLBACK" {
                    rolls_back(&silent).await.unwrap();
                } else {
                    let error = each_step(&silent, 1).await.unwrap_err();
                    let is_unknown = step == "COMMIT";
                    assert_eq!(error.verdict().kind, Kind::Transient, "{step}: {error:?}");
                    assert!(
                        error.verdict().effect == Effect::None || is_unknown || step.starts_with("INSERT"),
                        "{error:?}"
                    );
                }
                nothing_is_lost_after(&silent, &db, server, step, commits && arrives).await;
            }
        }
    })
    .await;
}

/// The same where the caller is gone before the bound is over.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn no_step_that_is_dropped_half_way_costs_a_later_write() {
    let _scope = resil::testing::isolated();
    resil::testing::answer_within(BOUND);
    postgres(async |db| {
        db.migrate().await.unwrap();
        Postgres::create(&db).await;
        for (step, commits) in STEPS {
            if step == "ROLLBACK" {
                continue;
            }
            let silent = lossy::through(Lost::AnswersFrom(step), 1, &db).await;
            let server = server_of(&silent).await;
            tokio::select! {
                ended = each_step(&silent, 1) => panic!("{step}: {ended:?}"),
                () = has_arrived(&db, server, step) => {}
            }
            nothing_is_lost_after(&silent, &db, server, step, commits).await;
        }
    })
    .await;
}

/// A statement outside of any transaction.
const LOOK: &str = "SELECT outcome FROM resil_once";

async fn looks<DB: Backend>(db: &Db<DB>) -> Result<Option<u32>, Error> {
    db.outcome("order.place", &resil::IdempotencyKey::derived("order", 1)).await
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_statement_by_itself_that_is_never_answered_or_dropped_half_way_closes_its_connection() {
    let _scope = resil::testing::isolated();
    resil::testing::answer_within(BOUND);
    postgres(async |db| {
        db.migrate().await.unwrap();
        for lost in [Lost::From(LOOK), Lost::AnswersFrom(LOOK)] {
            let silent = lossy::through(lost, 1, &db).await;
            let error = looks(&silent).await.unwrap_err();
            assert_eq!(error.verdict().kind, Kind::Transient, "{error:?}");
            assert_eq!(looks(&silent).await.unwrap(), None);
        }
        let silent = lossy::through(Lost::AnswersFrom(LOOK), 1, &db).await;
        let server = server_of(&silent).await;
        tokio::select! {
            ended = looks(&silent) => panic!("{ended:?}"),
            () = has_arrived(&db, server, LOOK) => {}
        }
        assert_eq!(looks(&silent).await.unwrap(), None);
        assert_ne!(server_of(&silent).await, server);
    })
    .await;
}

/// What it left half way on SQLite would be the next one's.
#[tokio::test]
async fn a_statement_by_itself_that_is_dropped_half_way_closes_its_connection_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let other = support::sqlite_pool(&folder.path().join("test.db")).await;
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect_with((*other.connect_options()).clone()).await.unwrap();
    let db = Db::new(pool.clone());
    db.migrate().await.unwrap();
    sqlx::query("CREATE TEMP TABLE mine (number INTEGER)").execute(&pool).await.unwrap();
    let is_mine = async || sqlx::query("SELECT * FROM mine").execute(&pool).await.is_ok();
    let prunes = || db.prune_once(std::time::SystemTime::now());

    prunes().await.unwrap();
    assert!(is_mine().await, "one that was answered is given back");
    let first = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let mut waits = Box::pin(prunes());
    while db.held().iter().all(|by| by.now == 0) {
        assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        tokio::task::yield_now().await;
    }
    drop(waits);
    assert!(!is_mine().await, "and the other one is closed");
    first.rollback().await.unwrap();
    prunes().await.unwrap();
}
