//! The outbox on real databases.

#![expect(clippy::unwrap_used, reason = "a test")]

mod bounds;
mod delivery;
mod failing;
mod fairness;
mod leases;
mod operators;
mod outage;
mod processes;
mod silent;
#[path = "../support/mod.rs"]
mod support;
mod topics;

use resil::outbox::{Message, Outbox, OutboxError, Relay};
use resil::{Backend, Classify, Db, Error, Event, IdempotencyKey, Once, Verdict};
use sqlx::{Postgres, Sqlite};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// What SQL the tests need, on either database.
trait Sql: Backend {
    async fn run(db: &Db<Self>, sql: &'static str);
    /// The same for SQL that a test has put together.
    async fn run_text(db: &Db<Self>, sql: &str);
    async fn number(db: &Db<Self>, sql: &'static str) -> i64;
    fn write(tx: &mut resil::Tx<Self>, sql: &'static str) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

macro_rules! sql {
    ($database:ty) => {
        impl Sql for $database {
            async fn run(db: &Db<Self>, sql: &'static str) {
                // A statement on all rows may be in the way of a relay.
                let is_deadlock = |error: &sqlx::Error| {
                    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "40P01")
                };
                while let Err(error) = sqlx::raw_sql(sql).execute(db.pool().unwrap()).await {
                    assert!(is_deadlock(&error), "{error}");
                }
            }

            async fn run_text(db: &Db<Self>, sql: &str) {
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(db.pool().unwrap()).await.unwrap();
            }

            async fn number(db: &Db<Self>, sql: &'static str) -> i64 {
                sqlx::query_scalar(sql).fetch_one(db.pool().unwrap()).await.unwrap()
            }

            async fn write(tx: &mut resil::Tx<Self>, sql: &'static str) -> Result<(), sqlx::Error> {
                sqlx::query(sql).execute(&mut *tx).await.map(drop)
            }
        }
    };
}
sql!(Sqlite);
sql!(Postgres);

#[derive(Debug)]
struct Fails(Verdict);

impl Classify for Fails {
    fn verdict(&self) -> Verdict {
        self.0
    }
}

impl std::fmt::Display for Fails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the consumer fails")
    }
}

/// How a consumer takes a message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Ok,
    Passing,
    Permanent,
    Panics,
    Hangs,
    /// Says that it has begun, waits at the gate, and is well.
    Waits,
    WaitsAndFails,
}

/// A consumer that keeps what it has taken, and what it was asked to take.
#[derive(Default)]
struct Consumer {
    taken: Mutex<Vec<String>>,
    asked: Mutex<Vec<(String, u32)>>,
    began: Notify,
    gate: Notify,
    /// The next ways for a payload; all others go well.
    ways: Mutex<HashMap<String, Vec<Way>>>,
}

impl Consumer {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn goes(&self, payload: &str, ways: &[Way]) {
        self.ways.lock().unwrap().insert(payload.to_owned(), ways.iter().rev().copied().collect());
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }

    fn asked(&self) -> Vec<(String, u32)> {
        self.asked.lock().unwrap().clone()
    }

    async fn take(&self, message: Message) -> Result<(), Fails> {
        self.asked.lock().unwrap().push((message.payload.clone(), message.attempt));
        let way = self.ways.lock().unwrap().get_mut(&message.payload).and_then(Vec::pop).unwrap_or(Way::Ok);
        if matches!(way, Way::Waits | Way::WaitsAndFails) {
            self.began.notify_one();
            self.gate.notified().await;
        }
        match way {
            Way::Ok | Way::Waits => self.taken.lock().unwrap().push(message.payload),
            Way::Passing => return Err(Fails(Verdict::transient())),
            Way::Permanent | Way::WaitsAndFails => return Err(Fails(Verdict::permanent())),
            Way::Panics => panic!("the consumer has a bug"),
            Way::Hangs => std::future::pending().await,
        }
        Ok(())
    }
}

/// A relay without waits between attempts.
fn relay<DB: Backend>(db: &Db<DB>, consumer: &Arc<Consumer>) -> Relay<DB> {
    let consumer = Arc::clone(consumer);
    let relay = Outbox::on(db.clone()).relay().any(move |message| {
        let consumer = Arc::clone(&consumer);
        async move { consumer.take(message).await }
    });
    relay.base(Duration::ZERO).max(Duration::ZERO).attempts(3)
}

/// Records these events, each in a transaction of its own.
async fn record<DB: Backend>(db: &Db<DB>, key: Option<&str>, events: &[u32]) {
    for event in events {
        let recorded = db.transaction(async |tx| {
            let recording = tx.outbox("numbers", event);
            match key {
                Some(key) => recording.ordered_by(key).await,
                None => recording.await,
            }
        });
        recorded.await.unwrap();
    }
}

/// Whether this ever becomes so.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

async fn waiting<DB: Sql>(db: &Db<DB>) -> i64 {
    DB::number(db, "SELECT count(*) FROM resil_outbox").await
}
