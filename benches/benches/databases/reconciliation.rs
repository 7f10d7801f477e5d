//! How long it takes to compare two books, and how much memory.

use crate::stores::Store;
use resil::ledger::{Dependencies, DifferenceKind, Failed, InDoubt, Ledger, Operation, Record, Settings, record};
use resil::{Db, Error, IdempotencyKey};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

struct Pay;

impl<DB: Store> Operation<DB> for Pay {
    const NAME: &'static str = "pay";
    const VERSION: u32 = 1;
    const SHAPE: &'static str = "order: u32 -> u32";
    type Arguments = u32;
    type Receipt = u32;

    fn settings() -> Settings {
        Settings::new().in_doubt(InDoubt::Repeat)
    }

    fn amount(order: &u32) -> Option<String> {
        Some(order.to_string())
    }

    async fn call(_: &Dependencies, order: u32, _: &IdempotencyKey) -> Result<u32, Failed> {
        Ok(order)
    }
}

/// A partner that has all but the last of our payments, and one that we do not have.
struct Records {
    next: u32,
    all: u32,
}

impl futures_core::Stream for Records {
    type Item = Result<Record<u32>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let order = self.next;
        self.next += 1;
        let key = IdempotencyKey::derived("pay", order);
        let record = (order < self.all).then(|| Ok(Record::done(key.as_str()).amount(order).arguments(order)));
        Poll::Ready(record)
    }
}

/// The most memory that the process ever had, in MiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(f64::NAN) / 1024.0
}

pub async fn compare<DB: Store>(db: &Db<DB>, records: u32) {
    let ledger = Ledger::on(db.clone()).operation::<Pay>().open().await.unwrap();
    // Intents 1 to the number of records; the records are those of 0 to one less.
    for first in (1..=records).step_by(10_000) {
        let recorded: Result<(), Error> = db
            .transaction(async |tx| {
                for order in first..first.saturating_add(10_000).min(records + 1) {
                    record::<_, Pay>(tx, Some(order.to_string()), &order).await?;
                }
                Ok(())
            })
            .await;
        recorded.unwrap();
    }
    DB::run(db, "UPDATE resil_intents SET state = 'APPLIED', books = 'DONE', due = NULL").await;
    let before = peak();
    let begun = Instant::now();
    let day = Duration::from_secs(86_400);
    let period = SystemTime::now() - day..SystemTime::now() + day;
    let report = ledger.reconcile::<Pay, _>(period, Records { next: 0, all: records }).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(
        (report.records, report.count(DifferenceKind::OnlyThere), report.count(DifferenceKind::OnlyHere)),
        (records.into(), 1, 1)
    );
    println!("| {} | {records} | {seconds:.1} | {before:.0} | {:.0} |", DB::NAME, peak());
}
