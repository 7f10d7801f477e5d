//! How fast a ledger finishes what others have begun.

use crate::median;
use crate::stores::Store;
use resil::ledger::{Dependencies, Failed, InDoubt, Ledger, Operation, Settings, record};
use resil::{Db, Error, IdempotencyKey, Tx};
use std::time::{Duration, Instant};

/// A call that is ready at once, and one row in our own books.
struct Pay;

impl<DB: Store> Operation<DB> for Pay {
    const NAME: &'static str = "pay";
    const VERSION: u32 = 1;
    const SHAPE: &'static str = "won: u64 -> u64";
    type Arguments = u64;
    type Receipt = u64;

    fn settings() -> Settings {
        Settings::new().in_doubt(InDoubt::Repeat).settle(Duration::from_millis(1))
    }

    async fn call(_: &Dependencies, won: u64, _: &IdempotencyKey) -> Result<u64, Failed> {
        Ok(won)
    }

    async fn applied(tx: &mut Tx<DB>, _: u64, _: &u64) -> Result<(), Failed> {
        Ok(DB::write(tx).await?)
    }
}

async fn open<DB: Store>(db: &Db<DB>) -> Ledger<DB> {
    Ledger::on(db.clone()).operation::<Pay>().open().await.unwrap()
}

/// So many intents that are due.
async fn leave_behind<DB: Store>(db: &Db<DB>, intents: u32) {
    let recorded: Result<(), Error> = db
        .transaction(async |tx| {
            for _ in 0..intents {
                record::<_, Pay>(tx, None, &500).await?;
            }
            Ok(())
        })
        .await;
    recorded.unwrap();
    DB::run(db, "UPDATE resil_intents SET due = 1 WHERE due IS NOT NULL").await;
}

/// How long so many reconcilers take to finish everything.
async fn finish<DB: Store>(ledger: &Ledger<DB>, reconcilers: usize) -> Duration {
    let begun = Instant::now();
    let all: Vec<_> = (0..reconcilers)
        .map(|_| {
            let reconciler = ledger.reconciler();
            tokio::spawn(async move { reconciler.run_once().await.unwrap() })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    begun.elapsed()
}

/// How long an intent takes that is driven in line, with no other one beside it.
async fn alone<DB: Store>(db: &Db<DB>, ledger: &Ledger<DB>) -> f64 {
    let mut times = Vec::new();
    for _ in 0..500 {
        let recorded: Result<_, Error> = db.transaction(async |tx| record::<_, Pay>(tx, None, &500).await).await;
        let intent = recorded.unwrap();
        let begun = Instant::now();
        ledger.drive(&intent).await.unwrap();
        times.push(begun.elapsed());
    }
    median(times)
}

pub async fn throughput<DB: Store>(db: &Db<DB>) {
    const INTENTS: u32 = 2000;
    let ledger = open(db).await;
    let mut rates = Vec::new();
    for reconcilers in [1, 4] {
        leave_behind(db, INTENTS).await;
        rates.push(f64::from(INTENTS) / finish(&ledger, reconcilers).await.as_secs_f64());
    }
    let (name, alone) = (DB::NAME, alone(db, &ledger).await);
    println!("| {name} | {:.0} | {:.0} | {alone:.0} |", rates[0], rates[1]);
}

/// Recovers 10,000 intents whose workers were lost, beside so many that are finished.
pub async fn recovery<DB: Store>(db: &Db<DB>, finished: u32) {
    const INTENTS: u32 = 10_000;
    let ledger = open(db).await;
    DB::run(db, "DELETE FROM resil_intents").await;
    leave_behind(db, 1).await;
    finish(&ledger, 1).await;
    DB::multiply(db, finished).await;
    leave_behind(db, INTENTS).await;
    DB::run(db, "UPDATE resil_intents SET state = 'CALLING', epoch = 2 WHERE due IS NOT NULL").await;
    let took = finish(&ledger, 4).await;
    println!("| {} | {finished} | {:.1} |", DB::NAME, took.as_secs_f64());
}
