//! How many statements reach the database, counted where sqlx tells of them.

#![expect(clippy::unwrap_used, reason = "a test")]

mod support;

use resil::ledger::{Dependencies, Failed, Ledger, Operation, Outcome, record};
use resil::{Backend, Db, Error, IdempotencyKey, Once};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);
/// Everything is counted together, so one test runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

struct Counter;

impl Subscriber for Counter {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        of.target() == "sqlx::query"
    }

    fn event(&self, _event: &Event<'_>) {
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

async fn counted(work: impl Future<Output = ()>) -> usize {
    let before = STATEMENTS.load(Ordering::Relaxed);
    work.await;
    STATEMENTS.load(Ordering::Relaxed) - before
}

async fn once_adds_two_statements_and_a_repeat_has_two<DB: Backend>(db: Db<DB>) {
    db.migrate().await.unwrap();
    let plain = async || db.transaction(async |_tx| Ok::<_, Error>(7)).await;
    let once = async |id: u32| db.once(Once::of("order.place", id), async |_tx| Ok::<_, Error>(7)).await;
    plain().await.unwrap();
    once(1).await.unwrap();
    let transaction = counted(async { assert_eq!(plain().await.unwrap(), 7) }).await;
    let first = counted(async { assert_eq!(once(2).await.unwrap(), 7) }).await;
    let again = counted(async { assert_eq!(once(2).await.unwrap(), 7) }).await;
    println!("a transaction: {transaction} statements; once: {first}; its repeat: {again}");
    // BEGIN and COMMIT are not told of on every database, but alike each time.
    assert_eq!(first - transaction, 2);
    assert!(again <= first);
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

async fn an_intent_that_succeeds_takes_at_most_five_statements<DB: Backend>(db: Db<DB>) {
    db.migrate().await.unwrap();
    let ledger = Ledger::on(db.clone()).operation::<Pay>().partial().open().await.unwrap();
    let plain = async || db.transaction(async |_tx| Ok::<_, Error>(7)).await.unwrap();
    let record = async || db.transaction(async |tx| record::<DB, Pay>(tx, None, &500).await).await.unwrap();
    plain().await;
    ledger.drive(&record().await).await.unwrap();
    let transaction = counted(async { assert_eq!(plain().await, 7) }).await;
    let mut intent = None;
    let recorded = counted(async { intent = Some(record().await) }).await - transaction;
    let driven = counted(async {
        assert_eq!(ledger.drive(&intent.unwrap()).await.unwrap(), Outcome::Applied(500));
    });
    // Two transactions: the caller's, and that of our own books.
    let driven = driven.await - transaction;
    println!("recorded with {recorded}, driven with {driven} statements");
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
alone! { once_adds_two_statements_and_a_repeat_has_two, an_intent_that_succeeds_takes_at_most_five_statements }
