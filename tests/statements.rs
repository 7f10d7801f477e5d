//! How many statements reach the database, counted where sqlx tells of them.

#![expect(clippy::unwrap_used, reason = "a test")]

mod support;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::request::Parts;
use axum::routing::post;
use resil::http::IdempotencyLayer;
use resil::ledger::{Dependencies, Failed, Ledger, Operation, Outcome, record};
use resil::outbox::Outbox;
use resil::{Backend, Db, Error, IdempotencyKey, Once, Tx};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower_service::Service as _;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);
/// Everything is counted together, so one test runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Counts the statements on tables of resil's own, and its looks at whether a transaction is open.
struct Counter;

struct IsOurs(bool);

impl Visit for IsOurs {
    fn record_debug(&mut self, _field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        self.0 |= text.contains("resil_") || text.contains("resil.transaction");
    }
}

impl Subscriber for Counter {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        of.target() == "sqlx::query"
    }

    fn event(&self, event: &Event<'_>) {
        let mut is_ours = IsOurs(false);
        event.record(&mut is_ours);
        STATEMENTS.fetch_add(usize::from(is_ours.0), Ordering::Relaxed);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

/// How many statements this sends. SQLite's threads tell of a statement after they have answered it, and before the next.
async fn counted<DB: Marked>(db: &Db<DB>, work: impl Future<Output = ()>) -> usize {
    let before = STATEMENTS.load(Ordering::Relaxed);
    work.await;
    DB::mark(db).await;
    STATEMENTS.load(Ordering::Relaxed) - before
}

type Any = Box<dyn std::error::Error + Send + Sync>;

trait Marked: Backend {
    /// One statement on every connection that there is.
    async fn mark(db: &Db<Self>);

    /// A statement of the user's.
    async fn read(tx: &mut Tx<Self>) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("SELECT 1").execute(&mut *tx).await.map(drop)
    }
}

macro_rules! marked {
    ($database:ty) => {
        impl Marked for $database {
            async fn mark(db: &Db<Self>) {
                let mut all = Vec::new();
                while let Some(connection) = db.pool().unwrap().try_acquire() {
                    all.push(connection);
                }
                for connection in &mut all {
                    sqlx::raw_sql("SELECT 1").execute(&mut **connection).await.unwrap();
                }
            }
        }
    };
}
marked!(sqlx::Sqlite);
marked!(sqlx::Postgres);

async fn once_takes_two_statements_and_so_does_a_repeat<DB: Marked>(db: Db<DB>) {
    db.migrate().await.unwrap();
    let once = async |id: u32| {
        db.once(Once::of("order.place", IdempotencyKey::derived("order", id)), async |_tx| Ok::<_, Error>(7)).await
    };
    let plain = counted(&db, async {
        db.transaction(async |_tx| Ok::<_, Error>(())).await.unwrap();
    });
    assert_eq!(plain.await, 0);
    once(1).await.unwrap();
    let first = counted(&db, async { assert_eq!(once(2).await.unwrap(), 7) }).await;
    let again = counted(&db, async { assert_eq!(once(2).await.unwrap(), 7) }).await;
    println!("once: {first} statements beside its transaction; its repeat: {again}");
    assert_eq!((first, again), (2, 2));
}

async fn a_thousand_duplicates_of_a_running_request_take_none<DB: Marked>(db: Db<DB>) {
    db.migrate().await.unwrap();
    let once = || Once::of("order.place", IdempotencyKey::derived("order", 1));
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let (inside, begun) = tokio::sync::oneshot::channel::<()>();
    let first = db.once(once(), async |_tx| {
        _ = inside.send(());
        _ = released.await;
        Ok::<_, Error>(7)
    });
    let duplicates = async {
        begun.await.unwrap();
        // Each is polled before the last.
        let duplicates = (0..1000).map(|_| Box::pin(db.once(once(), async |_tx| Ok::<_, Error>(8))));
        let release = async { release.send(()).unwrap() };
        futures_util::future::join(futures_util::future::join_all(duplicates), release).await.0
    };
    let all = counted(&db, async {
        let (first, duplicates) = tokio::join!(first, duplicates);
        assert_eq!(first.unwrap(), 7);
        assert!(duplicates.into_iter().all(|answer| answer.unwrap() == 7));
    });
    assert_eq!(all.await, 3, "the claim, with a sweep as the first of this process, and the outcome");
}

async fn the_layer_takes_two_statements_and_one_for_a_repeat<DB: Marked>(db: Db<DB>) {
    db.migrate().await.unwrap();
    let layer = IdempotencyLayer::on(db.clone(), |_: &Parts| "alice".to_owned()).required();
    let service = Router::new().route("/orders", post(async || "placed").layer(layer));
    let sent = async |key: &str| {
        let request = Request::post("/orders").header("Idempotency-Key", key).body(Body::from("tea")).unwrap();
        assert_eq!(service.clone().call(request).await.unwrap().status(), 200);
    };
    // It sweeps.
    sent("r-1").await;
    let first = counted(&db, sent("r-2")).await;
    let again = counted(&db, sent("r-2")).await;
    assert_eq!((first, again), (2, 1));
}

/// A look costs a statement, where a commit would not tell that a statement of the user's has failed, or has ended the transaction;
/// none is needed where one of ours has come after it that tells.
async fn a_look_before_the_commit_is_for_what_nobody_knows<DB: Marked>(db: Db<DB>) {
    let db = db.notify(false);
    db.migrate().await.unwrap();
    let is_postgres = DB::NAME == "PostgreSQL";
    let plain = counted(&db, async {
        let used = db.transaction(async |tx| Ok::<_, Any>(DB::read(tx).await?));
        used.await.unwrap();
    });
    assert_eq!(plain.await, usize::from(is_postgres), "it may have failed");
    let on_connection = counted(&db, async {
        let lent = db.transaction(async |tx| {
            let connection = &mut **tx;
            _ = connection;
            Ok::<_, Error>(())
        });
        lent.await.unwrap();
    });
    assert_eq!(on_connection.await, usize::from(is_postgres));
    let with_ours = counted(&db, async {
        let recorded = db.transaction(async |tx| {
            DB::read(tx).await?;
            tx.outbox("numbers", &1).await?;
            Ok::<_, Any>(())
        });
        recorded.await.unwrap();
    });
    assert_eq!(with_ours.await, 1);
    let lent_with_ours = counted(&db, async {
        let recorded = db.transaction(async |tx| {
            let connection = &mut **tx;
            _ = connection;
            tx.outbox("numbers", &1).await.map(drop)
        });
        recorded.await.unwrap();
    });
    assert_eq!(lent_with_ours.await, 1);
    let rolled_back = counted(&db, async {
        let undone = db.transaction(async |tx| {
            DB::read(tx).await?;
            Err::<(), Any>("refused".into())
        });
        undone.await.unwrap_err();
    });
    assert_eq!(rolled_back.await, 0);
}

/// So many messages of so many keys, recorded by one transaction, leave through a relay with 64 places.
async fn delivered_with<DB: Marked>(db: &Db<DB>, messages: u32, keys: u32) -> usize {
    let recorded = db.transaction(async |tx| {
        for number in 0..messages {
            tx.outbox("numbers", &number).ordered_by(number % keys).await?;
        }
        Ok::<_, Error>(())
    });
    recorded.await.unwrap();
    let relay = Outbox::on(db.clone()).relay().any(|_message| async { Ok::<_, Error>(()) }).concurrency(64);
    counted(db, async { assert_eq!(relay.run_once().await.unwrap().delivered, u64::from(messages)) }).await
}

/// Places, a claim, what follows, the deletion and what is first now: a handful for all that is taken up at once.
async fn what_is_delivered_at_once_shares_its_statements<DB: Marked>(db: Db<DB>) {
    db.migrate().await.unwrap();
    // What is looked at first.
    delivered_with(&db, 1, 1).await;
    let each_of_its_own_key = delivered_with(&db, 1000, 1000).await;
    let ten_of_a_key = delivered_with(&db, 1000, 100).await;
    println!("1,000 messages of 1,000 keys: {each_of_its_own_key} statements; of 100 keys: {ten_of_a_key}");
    assert!(each_of_its_own_key <= 100, "16 turns: {each_of_its_own_key}");
    assert!(ten_of_a_key <= 25, "2 turns: {ten_of_a_key}");
}

struct Pay;

impl<DB: Backend> Operation<DB> for Pay {
    const NAME: &'static str = "pay";
    const VERSION: u32 = 1;
    const SHAPE: &'static str = "won: u64 -> u64";
    type Arguments = u64;
    type Receipt = u64;

    async fn call(_: &Dependencies, won: u64, _: &IdempotencyKey) -> Result<u64, Failed> {
        Ok(won)
    }
}

async fn an_intent_that_succeeds_takes_at_most_five_statements<DB: Marked>(db: Db<DB>) {
    db.migrate().await.unwrap();
    let ledger = Ledger::on(db.clone()).operation::<Pay>().partial().open().await.unwrap();
    let record = async || db.transaction(async |tx| record::<DB, Pay>(tx, None, &500).await).await.unwrap();
    ledger.drive(&record().await).await.unwrap();
    let mut intent = None;
    let recorded = counted(&db, async { intent = Some(record().await) }).await;
    let driven = counted(&db, async {
        assert_eq!(ledger.drive(&intent.unwrap()).await.unwrap(), Outcome::Applied(500));
    });
    let driven = driven.await;
    println!("an intent: recorded with {recorded}, driven with {driven} statements beside its two transactions");
    assert_eq!((recorded, driven), (1, 3), "recorded; claimed and CALLING; SUCCEEDED; APPLIED");
}

macro_rules! alone {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            fn run(test: impl Future<Output = ()>) {
                let _alone = super::ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                _ = tracing::subscriber::set_global_default(super::Counter);
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
            }

            #[test]
            fn on_sqlite() {
                run(super::support::sqlite(super::$name));
            }

            #[test]
            #[ignore = "needs RESIL_TEST_POSTGRES_URL"]
            fn on_postgres() {
                run(super::support::postgres(super::$name));
            }
        })*
    };
}
alone! {
    a_look_before_the_commit_is_for_what_nobody_knows,
    once_takes_two_statements_and_so_does_a_repeat,
    a_thousand_duplicates_of_a_running_request_take_none,
    the_layer_takes_two_statements_and_one_for_a_repeat,
    an_intent_that_succeeds_takes_at_most_five_statements,
    what_is_delivered_at_once_shares_its_statements,
}
