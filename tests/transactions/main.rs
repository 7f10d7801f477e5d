//! Transactions on real databases: what commits, what rolls back, and what comes back to the pool.
#![expect(clippy::unwrap_used, reason = "a test")]

mod adopted;
mod ended;
mod only_postgres;
mod only_sqlite;
mod silent;
#[path = "../support/mod.rs"]
mod support;

use resil::{Backend, Classify, Db, Effect, Error, Kind, Step, Tx, retry, transactional};
use sqlx::{Postgres, Sqlite};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;
use support::CONNECTIONS;

#[derive(Debug)]
enum Failed {
    Sql(sqlx::Error),
    Policy(Error),
    Refused,
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

impl Classify for Failed {
    fn verdict(&self) -> resil::Verdict {
        match self {
            Self::Sql(error) => error.verdict(),
            Self::Policy(error) => error.verdict(),
            Self::Refused => resil::Verdict::caller(),
        }
    }
}

impl Failed {
    fn step(&self) -> Option<Step> {
        if let Self::Policy(Error::Transaction(error)) = self { Some(error.step) } else { None }
    }
}

/// What SQL the tests need, on either database.
trait Book: Backend {
    async fn create(db: &Db<Self>);
    async fn add(tx: &mut Tx<Self>, number: i64) -> Result<(), sqlx::Error>;
    async fn numbers(db: &Db<Self>) -> Vec<i64>;
    /// A statement that the database refuses.
    async fn nonsense(tx: &mut Tx<Self>) -> sqlx::Error;
    /// How many connections of the pool come back inside a transaction.
    async fn open_in_pool(db: &Db<Self>) -> usize;
}

macro_rules! book {
    ($database:ty, $placeholder:literal, $is_open:expr) => {
        impl Book for $database {
            async fn create(db: &Db<Self>) {
                let create = "CREATE TABLE book (number BIGINT PRIMARY KEY)";
                sqlx::query(create).execute(db.pool().unwrap()).await.unwrap();
            }

            async fn add(tx: &mut Tx<Self>, number: i64) -> Result<(), sqlx::Error> {
                let insert = concat!("INSERT INTO book VALUES (", $placeholder, ")");
                sqlx::query(insert).bind(number).execute(&mut *tx).await.map(drop)
            }

            async fn numbers(db: &Db<Self>) -> Vec<i64> {
                let select = "SELECT number FROM book ORDER BY number";
                sqlx::query_scalar(select).fetch_all(db.pool().unwrap()).await.unwrap()
            }

            async fn nonsense(tx: &mut Tx<Self>) -> sqlx::Error {
                sqlx::query("SELECT nothing FROM nowhere").execute(&mut *tx).await.unwrap_err()
            }

            async fn open_in_pool(db: &Db<Self>) -> usize {
                let pool = db.pool().unwrap();
                let mut all = Vec::new();
                for _ in 0..CONNECTIONS {
                    all.push(pool.acquire().await.unwrap());
                }
                let mut open = 0;
                for connection in &mut all {
                    let is_open: fn(_) -> _ = $is_open;
                    open += usize::from(is_open(connection).await);
                }
                open
            }
        }
    };
}

// A second BEGIN is refused inside a transaction.
book!(Sqlite, "?", |connection: &mut sqlx::pool::PoolConnection<Sqlite>| Box::pin(async move {
    let begun = sqlx::raw_sql("BEGIN").execute(&mut **connection).await;
    let ended = sqlx::raw_sql("ROLLBACK").execute(&mut **connection).await;
    begun.is_err() || ended.is_err()
}));
// Outside of one, each statement has a start of its own.
book!(Postgres, "$1", |connection: &mut sqlx::pool::PoolConnection<Postgres>| Box::pin(async move {
    let start = async |connection: &mut sqlx::PgConnection| {
        sqlx::query_scalar::<_, String>("SELECT now()::text").fetch_one(connection).await
    };
    match (start(connection).await, start(connection).await) {
        (Ok(first), Ok(second)) => first == second,
        _ => true,
    }
}));

async fn ok_commits_and_err_rolls_back<DB: Book>(db: Db<DB>) {
    DB::create(&db).await;
    let kept = db.transaction(async |tx| Ok::<_, Failed>(DB::add(tx, 1).await?));
    kept.await.unwrap();
    let undone: Result<(), Failed> = db
        .transaction(async |tx| {
            DB::add(tx, 2).await?;
            Err(Failed::Refused)
        })
        .await;
    assert!(matches!(undone, Err(Failed::Refused)));
    assert_eq!(DB::numbers(&db).await, [1]);
}

async fn a_savepoint_fails_by_itself<DB: Book>(db: Db<DB>) {
    DB::create(&db).await;
    db.transaction(async |tx| {
        DB::add(tx, 1).await?;
        let inner: Result<(), Failed> = tx
            .savepoint(async |tx| {
                DB::add(tx, 2).await?;
                tx.savepoint(async |tx| Ok::<_, Failed>(DB::add(tx, 3).await?)).await?;
                DB::nonsense(tx).await;
                Err(Failed::Refused)
            })
            .await;
        assert!(matches!(inner, Err(Failed::Refused)), "{inner:?}");
        tx.savepoint(async |tx| Ok::<_, Failed>(DB::add(tx, 4).await?)).await
    })
    .await
    .unwrap();
    assert_eq!(DB::numbers(&db).await, [1, 4]);
}

async fn a_savepoint_that_is_left_half_way_spoils_the_transaction<DB: Book>(db: Db<DB>) {
    DB::create(&db).await;
    let spoilt: Result<(), Failed> = db
        .transaction(async |tx| {
            DB::add(tx, 1).await?;
            let (inside, begun) = tokio::sync::oneshot::channel();
            let part = tx.savepoint(async |tx| {
                DB::add(tx, 2).await?;
                _ = inside.send(());
                std::future::pending::<Result<(), Failed>>().await
            });
            tokio::select! {
                _ = part => unreachable!(),
                _ = begun => {}
            }
            Ok(())
        })
        .await;
    let error = spoilt.unwrap_err();
    assert_eq!((error.step(), error.verdict().effect), (Some(Step::Commit), Effect::None), "{error:?}");
    assert!(DB::numbers(&db).await.is_empty());
}

/// PostgreSQL would answer the COMMIT with a ROLLBACK, and no error.
async fn a_swallowed_failure_is_never_called_committed<DB: Book>(db: Db<DB>) {
    DB::create(&db).await;
    let outcome: Result<(), Failed> = db
        .transaction(async |tx| {
            DB::add(tx, 1).await?;
            DB::nonsense(tx).await;
            Ok(())
        })
        .await;
    let numbers = DB::numbers(&db).await;
    match outcome {
        Ok(()) => assert_eq!(numbers, [1]),
        Err(error) => {
            assert_eq!((error.step(), error.verdict().effect), (Some(Step::Commit), Effect::None), "{error:?}");
            assert!(numbers.is_empty());
        }
    }
}

async fn what_is_left_for_afterwards_runs_after_the_commit_only<DB: Book>(db: Db<DB>) {
    DB::create(&db).await;
    let ran = Arc::new(AtomicU32::new(0));
    let later = |by: u32| {
        let ran = Arc::clone(&ran);
        let (done, ends) = tokio::sync::oneshot::channel::<()>();
        resil::after(async move {
            ran.fetch_add(by, Ordering::Relaxed);
            drop(done);
        });
        ends
    };
    let undone: Result<(), Failed> = db
        .transaction(async |_tx| {
            drop(later(1000));
            Err(Failed::Refused)
        })
        .await;
    assert!(undone.is_err());
    let ends = db
        .transaction(async |tx| {
            let ends = later(1);
            let part: Result<(), Failed> = tx
                .savepoint(async |_tx| {
                    drop(later(100));
                    Err(Failed::Refused)
                })
                .await;
            assert!(part.is_err());
            tokio::task::yield_now().await;
            assert_eq!(ran.load(Ordering::Relaxed), 0, "not yet");
            Ok::<_, Failed>(ends)
        })
        .await
        .unwrap();
    _ = ends.await;
    assert_eq!(ran.load(Ordering::Relaxed), 1);
}

async fn dropped_at_every_poll_no_connection_comes_back_inside_a_transaction<DB: Book>(db: Db<DB>) {
    DB::create(&db).await;
    let mut committed = Vec::new();
    for number in 0..1000_i64 {
        let polls = number % 12;
        let transaction = db.transaction(async |tx| {
            DB::add(tx, number).await?;
            tx.savepoint(async |tx| Ok::<_, Failed>(DB::add(tx, 10_000 + number).await?)).await?;
            if number % 5 == 0 { Err(Failed::Refused) } else { Ok(()) }
        });
        if let Some(Ok(())) = support::dropped_after(polls, transaction).await {
            committed.push(number);
        }
        if number % 50 == 49 {
            assert_eq!(DB::open_in_pool(&db).await, 0, "after {number}");
        }
    }
    let numbers = DB::numbers(&db).await;
    assert!(committed.iter().all(|number| numbers.contains(number)), "what was answered is there");
    let whole = numbers.iter().filter(|number| **number < 10_000).all(|number| numbers.contains(&(10_000 + number)));
    assert!(whole, "each transaction is there as a whole or not at all");
    assert_eq!(db.held().iter().map(|by| by.now).sum::<u32>(), 0);
}

async fn an_exhausted_pool_is_a_clear_refusal<DB: Book>(db: Db<DB>) {
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        held.push(db.pool().unwrap().acquire().await.unwrap());
    }
    let mut waiting = Box::pin(db.transaction(async |_tx| Ok::<_, Failed>(())));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(waiting);
    assert!(db.held().is_empty(), "who waits holds nothing");
    held.pop();
    db.transaction(async |_tx| Ok::<_, Failed>(())).await.unwrap();
}

async fn a_closed_pool_is_a_clear_error<DB: Book>(db: Db<DB>) {
    db.pool().unwrap().close().await;
    let error = db.transaction(async |_tx| Ok::<_, Failed>(())).await.unwrap_err();
    assert_eq!((error.step(), error.verdict().kind), (Some(Step::Begin), Kind::Permanent));
    let Failed::Policy(error) = error else { unreachable!() };
    let message = error.to_string();
    assert!(
        message.starts_with("could not begin the transaction of db.transaction(..) (tests/transactions/main.rs:"),
        "{message}"
    );
    assert!(message.ends_with("attempted to acquire a connection on a closed pool"), "{message}");
}

async fn the_meter_names_who_holds_connections<DB: Book>(db: Db<DB>) {
    for _ in 0..3 {
        db.transaction(async |_tx| Ok::<_, Failed>(())).await.unwrap();
    }
    let inside = db.transaction(async |_tx| {
        let now: Vec<_> = db.held().iter().map(|by| by.now).collect();
        Ok::<_, Failed>(now)
    });
    assert_eq!(inside.await.unwrap().iter().sum::<u32>(), 1);
    let held = db.held();
    assert_eq!(held.len(), 2, "two lines of this file");
    assert_eq!(held.iter().map(|by| by.ended).sum::<u64>(), 4);
    assert!(held.iter().all(|by| by.longest <= by.total && by.began.site.file.ends_with("transactions/main.rs")));
}

struct Counter<DB: Backend> {
    db: Db<DB>,
    attempts: AtomicU32,
}

impl<DB: Book> Counter<DB> {
    #[retry(unsent, base = "0ms", budget = none)]
    #[transactional(tx = self.db)]
    async fn add(&self, number: i64) -> Result<(), Failed> {
        DB::add(tx, number).await?;
        match self.attempts.fetch_add(1, Ordering::Relaxed) {
            // What a database answers that gave up on a deadlock, or a pool that was empty.
            0 => Err(Failed::Sql(sqlx::Error::PoolTimedOut)),
            _ => Ok(()),
        }
    }
}

async fn what_was_rolled_back_is_repeated_in_a_transaction_of_its_own<DB: Book>(db: Db<DB>) {
    DB::create(&db).await;
    let counter = Counter { db, attempts: AtomicU32::new(0) };
    counter.add(7).await.unwrap();
    assert_eq!(counter.attempts.load(Ordering::Relaxed), 2);
    assert_eq!(DB::numbers(&counter.db).await, [7]);
    let error = counter.add(7).await.unwrap_err();
    assert_eq!(error.verdict().kind, Kind::Caller, "a duplicate is not repeated: {error:?}");
    assert_eq!(counter.attempts.load(Ordering::Relaxed), 2);
}

on_both! {
    ok_commits_and_err_rolls_back,
    a_savepoint_fails_by_itself,
    a_savepoint_that_is_left_half_way_spoils_the_transaction,
    a_swallowed_failure_is_never_called_committed,
    what_is_left_for_afterwards_runs_after_the_commit_only,
    dropped_at_every_poll_no_connection_comes_back_inside_a_transaction,
    an_exhausted_pool_is_a_clear_refusal,
    a_closed_pool_is_a_clear_error,
    the_meter_names_who_holds_connections,
    what_was_rolled_back_is_repeated_in_a_transaction_of_its_own,
}
