//! What a thousand duplicates of one slow request cost everybody else.

use super::{CALLS, Store, median};
use resil::{Db, Error, IdempotencyKey, Once};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const DUPLICATES: usize = 1000;

/// The middle and the slowest of many looks by somebody who has nothing to do with it, in microseconds.
async fn unrelated<DB: Store>(db: &Db<DB>) -> [f64; 2] {
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let begun = Instant::now();
        DB::run(db, "SELECT 1").await;
        times.push(begun.elapsed());
    }
    let slowest = times.iter().max().map_or(0.0, |time| time.as_secs_f64() * 1e6);
    [median(times), slowest]
}

/// `other` is the same database, as another process has it.
pub async fn duplicates<DB: Store>(db: &Db<DB>, other: &Db<DB>) {
    let once = || Once::of("order.place", IdempotencyKey::derived("order", 1)).max_wait(Duration::from_secs(600));
    let (release, released) = oneshot::channel::<()>();
    let (inside, begun) = oneshot::channel::<()>();
    let first = {
        let (db, once) = (db.clone(), once());
        tokio::spawn(async move {
            let body = async move |tx: &mut resil::Tx<DB>| {
                DB::write(tx).await?;
                _ = inside.send(());
                _ = released.await;
                Ok::<_, Error>(7)
            };
            db.once(once, body).await.unwrap()
        })
    };
    begun.await.unwrap();
    let mut columns = Vec::new();
    let mut all = Vec::new();
    for process in [db, other] {
        let idle = unrelated(process).await;
        for _ in 0..DUPLICATES {
            let (process, once) = (process.clone(), once());
            all.push(tokio::spawn(async move { process.once(once, async |_tx| Ok::<_, Error>(8)).await.unwrap() }));
        }
        tokio::task::yield_now().await;
        let busy = unrelated(process).await;
        let ratio = busy[0] / idle[0];
        columns.push(format!("{:.0} | {:.0} ({ratio:.2}x) | {:.0} | {:.0}", idle[0], busy[0], idle[1], busy[1]));
    }
    let begun = Instant::now();
    release.send(()).unwrap();
    assert_eq!(first.await.unwrap(), 7);
    for one in all {
        assert_eq!(one.await.unwrap(), 7);
    }
    let answered = begun.elapsed().as_secs_f64() * 1e3;
    println!("| {} | {} | {answered:.0} |", DB::NAME, columns.join(" | "));
}
