//! The ledger on real databases, against a partner with a book of its own.

#![expect(clippy::unwrap_used, reason = "a test")]

mod again;
mod fences;
mod growth;
mod keys;
mod older;
mod operators;
mod outcomes;
mod refusals;
mod spans;
#[path = "../support/mod.rs"]
mod support;
mod times;
mod together;
mod workers;

use resil::ledger::{
    Filter, Intent, IntentId, Ledger, LedgerError, Operation, Outcome, Report, Resolution, State, Status,
};
use resil::{Backend, Classify, Db, Error, Event, IdempotencyKey, Tx, circuit_breaker, durable, retry};
use sqlx::{Postgres, Sqlite};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::partner::{Partner, PartnerError, Skill, Way, cancel, status};
use support::shop::Shop;

static REFUSED: &str = "sold out";

#[derive(Debug, Classify)]
enum BooksError {
    #[classify(caller)]
    Refused,
    #[classify(delegate)]
    Inner(Box<BooksError>),
    #[classify(delegate)]
    Other(anyhow::Error),
    #[classify(delegate)]
    Sql(sqlx::Error),
}

impl std::error::Error for BooksError {}

impl std::fmt::Display for BooksError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused => f.write_str(REFUSED),
            Self::Inner(error) => error.fmt(f),
            Self::Other(error) => error.fmt(f),
            Self::Sql(error) => error.fmt(f),
        }
    }
}

impl From<sqlx::Error> for BooksError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// The amount says what our own books make of it.
const REFUSED_HERE: u64 = 13;
const REFUSED_WITHIN: u64 = 14;
const REFUSED_SOMEWHERE: u64 = 15;
const FAILS_HERE_ONCE: u64 = 17;
const PANICS_HERE: u64 = 19;
static FAILURES: AtomicU32 = AtomicU32::new(0);

async fn paid<DB: Shop>(tx: &mut Tx<DB>, order: i64, won: u64, receipt: &u64) -> Result<(), BooksError> {
    assert_eq!(won, *receipt);
    DB::set(tx, order, "paid").await?;
    match won {
        REFUSED_HERE => Err(BooksError::Refused),
        REFUSED_WITHIN => Err(BooksError::Inner(Box::new(BooksError::Refused))),
        REFUSED_SOMEWHERE => Err(BooksError::Other(anyhow::Error::new(BooksError::Refused))),
        FAILS_HERE_ONCE if FAILURES.fetch_add(1, Ordering::Relaxed) == 0 => {
            Err(BooksError::Sql(sqlx::Error::PoolTimedOut))
        }
        PANICS_HERE => panic!("our own books have a bug"),
        _ => Ok(()),
    }
}

async fn failed<DB: Shop>(tx: &mut Tx<DB>, order: i64, _won: u64, _why: &Report) -> Result<(), BooksError> {
    Ok(DB::set(tx, order, "failed").await?)
}

macro_rules! payments {
    ($($name:ident($op:literal $(, $argument:ident = $value:expr)*);)*) => {
        $(
            #[durable(
                db = [Sqlite, Postgres], op = $op, per = order, applied = paid, undone = failed, base = "2ms",
                max = "10ms", attempts = 5, $($argument = $value),*
            )]
            async fn $name(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
                partner.charge(won, key).await
            }
        )*
    };
}
payments! {
    verified("verified", settle = "40ms", verify = status, compensate = cancel);
    repeated("repeated", settle = "40ms", in_doubt = repeat, compensate = cancel);
    hasty("hasty", settle = "1ms", in_doubt = repeat);
    leisurely("leisurely", settle = "1s", in_doubt = repeat);
    cancelled("cancelled", settle = "40ms", in_doubt = cancel, compensate = cancel);
    patient("patient", settle = "10m", in_doubt = cancel, compensate = cancel);
    judged("judged", settle = "40ms", in_doubt = repeat, conclusive = is_final);
    manual("manual", in_doubt = manual);
}

fn is_final(error: &PartnerError) -> bool {
    matches!(error, PartnerError::Status(410))
}

async fn paid_or_refused<DB: Shop>(
    tx: &mut Tx<DB>,
    order: i64,
    _won: u64,
    _receipt: &u64,
) -> Result<(), resil::ledger::Failed> {
    DB::set(tx, order, "paid").await?;
    Err(resil::ledger::refuse(REFUSED))
}

#[durable(db = [Sqlite, Postgres], op = "refused", applied = paid_or_refused, undone = failed, compensate = cancel)]
async fn refused(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
    partner.charge(won, key).await
}

/// The partner's client is behind a circuit of its own, and its retry repeats what may have been sent.
#[durable(db = [Sqlite, Postgres], op = "guarded", applied = paid, verify = status, settle = "40ms", base = "2ms")]
#[retry(idempotency_key = key, attempts = 2, base = "0ms", budget = none)]
#[circuit_breaker(window = 2, min_calls = 2, open_for = "400ms")]
async fn guarded(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
    partner.charge(won, key).await
}

/// Given up by time alone.
#[durable(
    db = [Sqlite, Postgres], op = "lasting", per = order, applied = paid, undone = failed, compensate = cancel,
    in_doubt = repeat, settle = "40ms", base = "2ms", max = "10ms"
)]
async fn lasting(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
    partner.charge(won, key).await
}

/// A late request arrives very late.
#[durable(db = [Sqlite, Postgres], op = "late", per = order, applied = paid, undone = failed, compensate = cancel, settle = "10m")]
async fn late(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
    partner.charge(won, key).await
}

#[durable(db = [Sqlite, Postgres], op = "barred", per = order, applied = paid, base = "2ms", max = "1h")]
#[circuit_breaker(name = "barred")]
async fn barred(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
    partner.charge(won, key).await
}

/// A shop, its ledger and its partner.
struct Fixture<DB: Backend> {
    db: Db<DB>,
    partner: Arc<Partner>,
    ledger: Ledger<DB>,
}

impl<DB: Shop> Fixture<DB>
where
    verified: Operation<DB>,
    repeated: Operation<DB>,
    hasty: Operation<DB>,
    leisurely: Operation<DB>,
    cancelled: Operation<DB>,
    patient: Operation<DB>,
    manual: Operation<DB>,
    judged: Operation<DB>,
    refused: Operation<DB>,
    guarded: Operation<DB>,
    lasting: Operation<DB>,
    late: Operation<DB>,
    barred: Operation<DB>,
{
    async fn new(db: &Db<DB>, partner: Arc<Partner>) -> Self {
        DB::create(db).await;
        let ledger = Ledger::on(db.clone()).operation::<verified>().operation::<repeated>().operation::<cancelled>();
        let ledger =
            ledger.operation::<hasty>().operation::<manual>().operation::<guarded>().provide(Arc::clone(&partner));
        let ledger = ledger.operation::<lasting>().operation::<late>().operation::<barred>();
        let ledger =
            ledger.operation::<judged>().operation::<refused>().operation::<patient>().operation::<leisurely>();
        let ledger = ledger.partial().open().await.unwrap();
        Self { db: db.clone(), partner, ledger }
    }

    async fn record<O: Operation<DB, Arguments = (i64, u64)>>(&self, order: i64, won: u64) -> Intent<O> {
        let recorded = self.db.transaction(async |tx| {
            DB::insert(tx, order).await?;
            Ok::<_, Failed>(resil::ledger::record(tx, Some(order.to_string()), &(order, won)).await?)
        });
        recorded.await.unwrap()
    }

    /// Records and drives order 7.
    async fn drive<O: Operation<DB, Arguments = (i64, u64), Receipt = u64>>(&self, won: u64) -> Outcome<u64> {
        let intent = self.record::<O>(7, won).await;
        self.ledger.drive(&intent).await.unwrap()
    }

    /// Drives order 7 to where a reconciler leaves it.
    async fn reconciled<O: Operation<DB, Arguments = (i64, u64), Receipt = u64>>(&self, won: u64) -> Outcome<u64> {
        let intent = self.record::<O>(7, won).await;
        let first = self.ledger.drive(&intent).await.unwrap();
        if !matches!(first, Outcome::InDoubt(_)) {
            return first;
        }
        self.rests(intent.id()).await;
        self.ledger.outcome(&intent).await.unwrap()
    }

    /// Reconciles until this intent rests.
    async fn rests(&self, id: IntentId) {
        let mut events = resil::registry().subscribe();
        let rested = async {
            loop {
                let state = self.ledger.find(id).await.unwrap().unwrap().state;
                if state.is_final() || state == State::Manual {
                    break;
                }
                events.next().await;
            }
        };
        Box::pin(self.ledger.reconciler().poll(Duration::from_millis(2)).run(rested)).await;
    }

    async fn order(&self) -> (i64, String) {
        DB::order(&self.db, 7).await
    }

    async fn states(&self, id: IntentId) -> Vec<State> {
        let view = self.ledger.find(id).await.unwrap().unwrap();
        let mut states: Vec<_> = view.history.entries().iter().filter_map(|entry| entry.state).collect();
        states.dedup();
        states
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;
