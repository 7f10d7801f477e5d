//! What transactions and requests that run once cost on real databases: `cargo bench -p resil-benches --bench databases`.
//!
//! SQLite on a file of its own; PostgreSQL if `RESIL_TEST_POSTGRES_URL` names one, in a schema of its own.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made says so by ending")]

mod duplicates;
mod ledger;
mod outbox;
mod reconciliation;
mod stores;

use resil::{Db, Error, IdempotencyKey, Once};
use std::time::{Duration, Instant};
use stores::{Small as _, Store};

const CALLS: u32 = 500;

/// The middle one, in microseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

async fn timed(call: impl AsyncFn(u32)) -> f64 {
    let mut times = Vec::new();
    for number in 0..CALLS {
        let begun = Instant::now();
        call(number).await;
        times.push(begun.elapsed());
    }
    median(times)
}

async fn once<DB: Store>(db: &Db<DB>) {
    let plain = timed(async |_| db.transaction(async |tx| DB::write(tx).await).await.unwrap()).await;
    let first = timed(async |number| {
        let once = Once::of("order.place", IdempotencyKey::derived("order", number)).argument(&number);
        db.once(once, async |tx| DB::write(tx).await).await.unwrap();
    });
    let first = first.await;
    let again = timed(async |number| {
        let once = Once::of("order.place", IdempotencyKey::derived("order", number)).argument(&number);
        db.once(once, async |_tx| -> Result<(), Error> { unreachable!("it is known") }).await.unwrap();
    });
    let (name, again) = (DB::NAME, again.await);
    println!("| {name} | {plain:.0} | {first:.0} ({:.2}x) | {again:.0} ({:.2}x) |", first / plain, again / plain);
}

const PARTS: [&str; 5] = ["once", "duplicates", "ledger", "outbox", "reconciliation"];

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let is_large = words.iter().any(|word| word == "--large");
    let is_one = words.iter().any(|word| PARTS.contains(&word.as_str()));
    let wants = |part: &str| !is_one || words.iter().any(|word| word == part);
    if wants("once") {
        println!("a transaction with one INSERT, medians of {CALLS} in microseconds");
        println!("| database | transaction | once | its repeat |\n|---|--:|--:|--:|");
        stores::sqlite(async |db| once(&db).await).await;
        stores::postgres(async |db| once(&db).await).await;
    }
    if wants("duplicates") {
        println!(
            "\na `SELECT 1` of somebody else on a pool of 5, medians and slowest of {CALLS} in microseconds, without and"
        );
        println!(
            "beside 1,000 duplicates of a request that runs in this process, and in another; milliseconds until they are answered"
        );
        println!("| database | idle | here | slowest | here | idle | elsewhere | slowest | elsewhere | answered |");
        println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        stores::sqlite(async |db| duplicates::duplicates(&db.small().await, &db.small().await).await).await;
        stores::postgres(async |db| duplicates::duplicates(&db.small().await, &db.small().await).await).await;
    }
    if wants("ledger") {
        println!("\nintents a second through one reconciler, and through four; microseconds of one that is alone");
        println!("| database | one | four | alone |\n|---|--:|--:|--:|");
        stores::sqlite(async |db| ledger::throughput(&db).await).await;
        stores::postgres(async |db| ledger::throughput(&db).await).await;

        println!("\nseconds for 10,000 intents whose workers were lost, beside finished ones");
        println!("| database | finished | seconds |\n|---|--:|--:|");
        for finished in [1_000, if is_large { 1_000_000 } else { 100_000 }] {
            stores::sqlite(async |db| ledger::recovery(&db, finished).await).await;
            stores::postgres(async |db| ledger::recovery(&db, finished).await).await;
        }
    }
    if wants("outbox") {
        println!(
            "\nmessages a second through a relay whose handler is ready at once; milliseconds from a commit to its delivery"
        );
        println!(
            "| database | no key | 1,000 keys | one key | with 100,000 of one key behind | median delay | 99th of 100 |"
        );
        println!("|---|--:|--:|--:|--:|--:|--:|");
        stores::sqlite(async |db| outbox::throughput(&db).await).await;
        stores::postgres(async |db| outbox::throughput(&db).await).await;

        println!(
            "\nmilliseconds of a look that finds nothing, and of a count, while so many messages wait for their time"
        );
        println!("| database | 0 | 10,000 | 100,000 | count: 0 | 10,000 | 100,000 |");
        println!("|---|--:|--:|--:|--:|--:|--:|");
        stores::sqlite(async |db| outbox::looks(&db).await).await;
        stores::postgres(async |db| outbox::looks(&db).await).await;
    }
    if wants("reconciliation") {
        println!("\nseconds to compare with the partner's records, and the largest resident set of the process in MiB");
        println!("| database | records | seconds | before | after |\n|---|--:|--:|--:|--:|");
        let records = if is_large { 1_000_000 } else { 100_000 };
        stores::sqlite(async |db| reconciliation::compare(&db, records).await).await;
        stores::postgres(async |db| reconciliation::compare(&db, records).await).await;
    }
}
