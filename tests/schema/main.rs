//! How the tables of resil come into a database, and what a program finds out about them at start.

#![expect(clippy::unwrap_used, clippy::unused_async, reason = "a test")]

mod elsewhere;
mod locks;
mod pooler;
mod roles;
#[path = "../support/mod.rs"]
mod support;

use resil::ledger::{Failed, Ledger, Operation, Outcome, Report, State};
use resil::outbox::{Message, Outbox, OutboxEvent};
use resil::{Db, Error, Event, IdempotencyKey, Once, Tx, Verdict, durable};
use sqlx::{Database as _, Postgres, Sqlite};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::shop::Shop;

/// A partner who only counts.
#[derive(Default)]
struct Bank(AtomicU32);

/// Our own books.
trait Books: Shop {
    fn count(tx: &mut Tx<Self>) -> impl Future<Output = Result<i64, sqlx::Error>> + Send;
}

macro_rules! books {
    ($database:ty) => {
        impl Books for $database {
            async fn count(tx: &mut Tx<Self>) -> Result<i64, sqlx::Error> {
                sqlx::query("INSERT INTO orders VALUES ($1, 'new', 0)").bind(1_i64).execute(&mut *tx).await?;
                sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&mut *tx).await
            }
        }
    };
}
books!(Sqlite);
books!(Postgres);

async fn booked<DB: Books>(tx: &mut Tx<DB>, order: u64, receipt: &u64) -> Result<(), Failed> {
    assert_eq!(order, *receipt);
    DB::count(tx).await?;
    tx.outbox("order.paid", &order).ordered_by(format!("order {order}")).await?;
    Ok(())
}

async fn unbooked<DB: Books>(_tx: &mut Tx<DB>, _order: u64, _why: &Report) -> Result<(), Failed> {
    Ok(())
}

#[durable(db = [Sqlite, Postgres], op = "pay", per = order, applied = booked, undone = unbooked)]
async fn pay(bank: &Bank, order: u64, key: &IdempotencyKey) -> Result<u64, Error> {
    let _ = key;
    bank.0.fetch_add(1, Ordering::Relaxed);
    Ok(order)
}

/// What a service does on its busiest day: requests that run once, payments, messages, and an operator who looks on. Its books are
/// the table `orders`, and they are empty; ours are in `schema`, if that is not the first of the path.
async fn a_service_works<DB: Books>(db: &Db<DB>, schema: &str)
where
    pay: Operation<DB, Arguments = (u64,), Receipt = u64>,
{
    let order = async |id| {
        db.once(Once::of("order.place", IdempotencyKey::derived("order", id)), async |tx| {
            Ok::<i64, Failed>(DB::count(tx).await?)
        })
        .await
    };
    assert_eq!(order("a").await.unwrap(), 1);
    assert_eq!((order("b").await.unwrap(), order("a").await.unwrap()), (2, 1));

    let bank = Arc::new(Bank::default());
    let ledger = Ledger::on(db.clone()).operation::<pay>().partial().provide(Arc::clone(&bank));
    let ledger = ledger.installation("shop").open().await.unwrap();
    for number in 1..=8_u64 {
        let intent = db.transaction(async |tx| Ok::<_, Failed>(pay::record(tx, number).await?)).await.unwrap();
        if number % 2 == 0 {
            assert_eq!(ledger.drive(&intent).await.unwrap(), Outcome::Applied(number));
        }
    }
    DB::run_text(db, &format!("UPDATE {schema}resil_intents SET due = 1 WHERE due IS NOT NULL")).await;
    ledger.reconciler().run_once().await.unwrap();
    assert_eq!(ledger.count().await.unwrap(), [("pay".to_owned(), 1, Some(State::Applied), 8)]);
    assert_eq!(bank.0.load(Ordering::Relaxed), 8);

    let outbox = Outbox::on(db.clone());
    assert_eq!(outbox.backlog().await.unwrap().waiting, 8);
    let delivered = Arc::new(AtomicU32::new(0));
    let relay = outbox.relay().attempts(1).on("order.paid", {
        let delivered = Arc::clone(&delivered);
        move |message: Message| {
            let delivered = Arc::clone(&delivered);
            async move {
                if message.decode::<u64>()? == 8 {
                    return Err(Failed::new(Verdict::permanent(), "not this one"));
                }
                delivered.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Failed>(())
            }
        }
    });
    relay.run_once().await.unwrap();
    assert_eq!(delivered.load(Ordering::Relaxed), 7);
    let aside = outbox.set_aside(10).await.unwrap();
    outbox.redeliver(aside[0].message.id).await.unwrap();
    outbox.discard(aside[0].message.id).await.unwrap();
    let left = outbox.backlog().await.unwrap();
    assert_eq!((left.waiting, left.set_aside), (0, 0));
}

/// The problem of a database whose tables are not as they have to be.
fn problem<T: std::fmt::Debug>(outcome: Result<T, Error>) -> String {
    match outcome.unwrap_err() {
        Error::Misconfigured(what) => what.to_string(),
        other => panic!("{other}"),
    }
}

const MIGRATE: &str = "write `db.migrate().await?` at start";
const ORDERS: &str = "CREATE TABLE orders (id BIGINT, state TEXT, changes BIGINT)";

on_both_databases! {
    async fn a_program_finds_out_which_version_the_tables_are_of(db) {
        assert!(problem(db.ready().await).ends_with(MIGRATE));
        let steps = db.migrations();
        for step in &steps {
            DB::run_text(&db, &step.sql).await;
            if step.number as usize == steps.len() {
                break;
            }
            let problem = problem(db.ready().await);
            assert!(problem.contains(&format!("are of version {}, and", step.number)), "{problem}");
            assert!(problem.ends_with(MIGRATE), "{problem}");
        }
        db.ready().await.unwrap();
        db.migrate().await.unwrap();
        // One to come only adds.
        DB::run(&db, "INSERT INTO resil_schema VALUES (99)").await;
        db.ready().await.unwrap();
        db.migrate().await.unwrap();
        assert_eq!(DB::number(&db, "SELECT max(version) FROM resil_schema").await, 99);
        DB::run(&db, ORDERS).await;
        a_service_works(&db, "").await;
    }

    async fn what_another_tool_has_begun_is_gone_on_with(db) {
        for done in [1, 3, 5, 7, 11, 12] {
            for step in db.migrations().iter().take(done) {
                DB::run_text(&db, &step.sql).await;
            }
            db.migrate().await.unwrap();
            db.ready().await.unwrap();
            let versions = "SELECT count(*) * 100 + max(version) FROM resil_schema";
            let newest = db.migrations().len();
            assert_eq!(DB::number(&db, versions).await, i64::try_from(newest * 101).unwrap(), "each once");
            DB::run(&db, ORDERS).await;
            a_service_works(&db, "").await;
            for table in ["answers", "intents", "operations", "once", "outbox", "records", "installation", "rates", "schema"] {
                DB::run_text(&db, &format!("DROP TABLE resil_{table}")).await;
            }
            DB::run(&db, "DROP TABLE orders").await;
            if DB::NAME != "SQLite" {
                DB::run(&db, "DROP FUNCTION resil_no_old_claims").await;
            }
        }
    }

    async fn a_ledger_does_not_open_and_a_relay_waits_until_the_tables_are_there(db) {
        let opening = || Ledger::on(db.clone()).operation::<pay>();
        let Err(Error::Misconfigured(what)) = opening().partial().open().await else { panic!("there is nothing") };
        let problems = what.problems();
        assert!(problems.len() == 2 && problems.iter().any(|problem| problem.ends_with(MIGRATE)), "{problems:?}");
        let step = &db.migrations()[0];
        DB::run_text(&db, &step.sql).await;
        let opened = opening().partial().provide(Arc::new(Bank::default())).open().await;
        assert!(problem(opened).contains("are of version 1, and"));

        let (outbox, mut events) = (Outbox::on(db.clone()), resil::registry().subscribe());
        assert!(problem(outbox.relay().any(async |_| Ok::<_, Failed>(())).run_once().await).ends_with(MIGRATE));
        let (delivered, done) = tokio::sync::oneshot::channel();
        let delivered = Mutex::new(Some(delivered));
        let relay = outbox.relay().poll(Duration::from_millis(5)).any(move |_| {
            if let Some(delivered) = delivered.lock().unwrap().take() {
                delivered.send(()).unwrap();
            }
            async { Ok::<_, Failed>(()) }
        });
        let relay = tokio::spawn(relay.run(async { done.await.unwrap() }));
        loop {
            if let Event::Outbox(OutboxEvent::Unreachable { why }) = events.next().await {
                assert!(why.ends_with(MIGRATE), "{why}");
                break;
            }
        }
        db.migrate().await.unwrap();
        let record = db.transaction(async |tx| Ok::<_, Failed>(tx.outbox("order.paid", &7).await.map(drop)?));
        record.await.unwrap();
        assert_eq!(relay.await.unwrap().delivered, 1);
    }
}

/// As a replica or a container has it.
#[tokio::test]
async fn a_database_that_cannot_be_written_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test.db");
    let db = Db::new(support::sqlite_pool(&file).await);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).read_only(true);
    let reader = Db::new(sqlx::SqlitePool::connect_with(options).await.unwrap());
    assert!(problem(reader.ready().await).ends_with(MIGRATE));
    reader.migrate().await.unwrap_err();
    db.migrate().await.unwrap();
    reader.ready().await.unwrap();
    reader.migrate().await.unwrap();
}
