//! Our books beside the partner's, on real databases: drift of every kind is found and mended, and the next comparison finds
//! nothing.

#![expect(clippy::unwrap_used, reason = "a test")]

mod caution;
mod drift;
mod records;
#[path = "../support/mod.rs"]
mod support;

use futures_util::stream;
use resil::ledger::{
    DifferenceKind, Intent, IntentId, Ledger, Mend, Operation, Outcome, Reconciliation, Record, Report, Resolution,
    State, Status,
};
use resil::{Backend, Classify, Db, Effect, Error, Event, IdempotencyKey, Tx, durable};
use sqlx::{Postgres, Sqlite};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use support::partner::{Entry, Partner, PartnerError, Skill, cancel, status};
use support::shop::Shop;

async fn paid<DB: Shop>(tx: &mut Tx<DB>, order: i64, _won: u64, _receipt: &u64) -> Result<(), sqlx::Error> {
    DB::set(tx, order, "paid").await
}

async fn failed<DB: Shop>(tx: &mut Tx<DB>, order: i64, _won: u64, _why: &Report) -> Result<(), sqlx::Error> {
    DB::set(tx, order, "failed").await
}

macro_rules! payments {
    ($($name:ident($op:literal $(, $argument:ident = $value:expr)*);)*) => {
        $(
            #[durable(
                db = [Sqlite, Postgres], op = $op, per = order, amount = format!("{won}'00"), applied = paid, undone = failed, base = "2ms",
                max = "10ms", attempts = 5, $($argument = $value),*
            )]
            async fn $name(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
                partner.charge(won, key).await
            }
        )*
    };
}
payments! {
    verified("verified", settle = "20ms", verify = status, compensate = cancel);
    repeated("repeated", settle = "20ms", in_doubt = repeat);
    cancelled("cancelled", settle = "20ms", in_doubt = cancel, compensate = cancel);
    doubtful("doubtful", settle = "20ms", in_doubt = cancel, verify = status, compensate = cancel);
    bare("bare", in_doubt = manual);
}

type Failed = Box<dyn std::error::Error + Send + Sync>;
type Records = Vec<Result<Record<(i64, u64)>, String>>;

struct Fixture<DB: Backend> {
    db: Db<DB>,
    partner: Arc<Partner>,
    ledger: Ledger<DB>,
}

/// As the operations write their amounts.
fn in_cents(won: u64) -> String {
    format!("{won}'00")
}

/// A day on both sides of now.
fn today() -> Range<SystemTime> {
    let (now, day) = (SystemTime::now(), Duration::from_secs(86_400));
    now - day..now + day
}

impl<DB: Shop> Fixture<DB>
where
    verified: Operation<DB>,
    repeated: Operation<DB>,
    cancelled: Operation<DB>,
    doubtful: Operation<DB>,
    bare: Operation<DB>,
{
    async fn new(db: &Db<DB>, skill: Skill) -> Self {
        DB::create(db).await;
        let partner = Partner::new(skill, []);
        let ledger = Ledger::on(db.clone()).operation::<verified>().operation::<repeated>().operation::<bare>();
        let ledger =
            ledger.operation::<cancelled>().operation::<doubtful>().provide(Arc::clone(&partner)).open().await.unwrap();
        Self { db: db.clone(), partner, ledger }
    }

    /// An order that is paid.
    async fn pays<O: Operation<DB, Arguments = (i64, u64), Receipt = u64>>(&self, order: i64, won: u64) -> Intent<O> {
        let intent = self.db.transaction(async |tx| {
            DB::insert(tx, order).await?;
            Ok::<_, Failed>(resil::ledger::record::<DB, O>(tx, Some(order.to_string()), &(order, won)).await?)
        });
        let intent = intent.await.unwrap();
        assert_eq!(self.ledger.drive(&intent).await.unwrap(), Outcome::Applied(won));
        intent
    }

    async fn key(&self, order: i64) -> String {
        DB::text(&self.db, &format!("SELECT key FROM resil_intents WHERE subject = '{order}'")).await
    }

    /// Somebody changes what the partner has of an order.
    async fn drifts(&self, order: i64, change: impl FnOnce(&mut Entry)) {
        let key = self.key(order).await;
        self.partner.edit(|book| change(book.entries.get_mut(&key).unwrap()));
    }

    /// The partner's whole book.
    fn records(&self) -> Records {
        let record = |(key, entry): (&String, &Entry)| {
            let done = entry.applied > 0 && !entry.cancelled;
            Ok(if done { Record::done(key) } else { Record::undone(key) }.amount(in_cents(entry.won)))
        };
        self.partner.book().entries.iter().map(record).collect()
    }

    async fn compares<O: Operation<DB, Arguments = (i64, u64)>>(&self, records: Records) -> Reconciliation {
        self.ledger.reconcile::<O, _>(today(), stream::iter(records)).await.unwrap()
    }

    /// Lets a reconciler carry out what was found.
    async fn mends(&self) {
        let mut events = resil::registry().subscribe();
        let rested = async {
            while DB::number(&self.db, "SELECT count(*) FROM resil_intents WHERE due IS NOT NULL").await > 0 {
                events.next().await;
            }
        };
        self.ledger.reconciler().poll(Duration::from_millis(2)).run(rested).await;
    }

    async fn state(&self, id: IntentId) -> State {
        self.ledger.find(id).await.unwrap().unwrap().state
    }
}

fn found(report: &Reconciliation) -> [u64; 4] {
    [DifferenceKind::OnlyThere, DifferenceKind::OnlyHere, DifferenceKind::Amount, DifferenceKind::State]
        .map(|kind| report.count(kind))
}

#[test]
fn a_report_is_a_text_and_json() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(support::sqlite(async |db: Db<Sqlite>| {
        let shop = Fixture::new(&db, Skill::Status).await;
        shop.pays::<verified>(7, 500).await;
        shop.drifts(7, |entry| entry.won = 50).await;
        let key = shop.key(7).await;
        let start = SystemTime::UNIX_EPOCH;
        let period = start..start + Duration::from_secs(4_102_444_800);
        let mut records = shop.records();
        records.push(Ok(Record::done("x").amount(1)));
        let report = shop.ledger.reconcile::<verified, _>(period, stream::iter(records)).await.unwrap();
        let [one, other] = ["amount", "only there"].map(|kind| {
            report.differences().iter().find(|one| one.kind.to_string() == kind).unwrap().id
        });
        let text = report.to_string();
        let mut lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "verified from 1970-01-01T00:00:00Z to 2100-01-01T00:00:00Z");
        assert_eq!(lines[1], "2 records: 0 agree, 0 under way, 0 with an operator, 0 of other operations");
        assert_eq!(lines[2], "differences: 1 only there, 0 only here, 1 amount, 0 state");
        lines[3..].sort_unstable();
        assert_eq!(lines[3], format!("amount      {one}  here APPLIED 500\\'00, there done 50\\'00  7  MANUAL"));
        assert_eq!(lines[4], format!("only there  {other}  here nothing, there done 1  key x  MANUAL"));
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!((&json["op"], &json["records"], &json["amount"]), (&"verified".into(), &2.into(), &1.into()));
        let differences = json["differences"].as_array().unwrap();
        let amount = differences.iter().find(|one| one["kind"] == "amount").unwrap();
        let expected = serde_json::json!({
            "kind": "amount", "id": one.to_string(), "subject": "7", "key": key, "here": "APPLIED", "amount_here": "500'00",
            "there": "done", "amount_there": "50'00", "mend": "MANUAL",
        });
        assert_eq!(*amount, expected);
    }));
}
