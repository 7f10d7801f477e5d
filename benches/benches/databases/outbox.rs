//! How fast messages leave.

use crate::stores::Store;
use resil::outbox::{Message, Outbox};
use resil::{Db, Error};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// So many messages, of so many keys; 0 is none.
async fn record<DB: Store>(db: &Db<DB>, messages: u32, keys: u32) {
    let recorded: Result<(), Error> = db
        .transaction(async |tx| {
            for number in 0..messages {
                let recording = tx.outbox("numbers", &number);
                match keys {
                    0 => recording.await?,
                    keys => recording.ordered_by(number % keys).await?,
                };
            }
            Ok(())
        })
        .await;
    recorded.unwrap();
}

/// Messages a second.
async fn rate<DB: Store>(db: &Db<DB>, messages: u32, keys: u32) -> f64 {
    record(db, messages, keys).await;
    let relay = Outbox::on(db.clone()).relay().any(|_message| async { Ok::<_, Error>(()) });
    let relay = relay.concurrency(64);
    let begun = Instant::now();
    assert_eq!(relay.run_once().await.unwrap().delivered, u64::from(messages));
    f64::from(messages) / begun.elapsed().as_secs_f64()
}

/// Other keys, while one has a long backlog that waits for an operator.
async fn beside_a_backlog<DB: Store>(db: &Db<DB>) -> f64 {
    record(db, 100_000, 1).await;
    DB::run(db, "UPDATE resil_outbox SET due = NULL WHERE number = (SELECT min(number) FROM resil_outbox)").await;
    let rate = rate(db, 2_000, 0).await;
    DB::run(db, "DELETE FROM resil_outbox").await;
    rate
}

/// From the commit to the handler, in milliseconds: the middle one and the last but one of a hundred.
async fn delay<DB: Store>(db: &Db<DB>) -> (f64, f64) {
    let (tells, told) = tokio::sync::mpsc::unbounded_channel();
    let mut told = told;
    let relay = Outbox::on(db.clone()).relay().any(move |message: Message| {
        _ = tells.send((message.id, Instant::now()));
        async { Ok::<_, Error>(()) }
    });
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let relay = tokio::spawn(relay.poll(Duration::from_secs(60)).run(async move { stopped.notified().await }));
    let mut delays = Vec::new();
    for number in 0..100 {
        let committed = db.transaction(async |tx| tx.outbox("numbers", &number).await).await.unwrap();
        let begun = Instant::now();
        let (id, at) = told.recv().await.unwrap();
        assert_eq!(id, committed);
        delays.push(at.saturating_duration_since(begun).as_secs_f64() * 1e3);
    }
    stop.notify_one();
    relay.await.unwrap();
    delays.sort_by(f64::total_cmp);
    (delays[50], delays[98])
}

pub async fn throughput<DB: Store>(db: &Db<DB>) {
    let (none, many, one) = (rate(db, 10_000, 0).await, rate(db, 10_000, 1_000).await, rate(db, 10_000, 1).await);
    let beside = beside_a_backlog(db).await;
    let (median, late) = delay(db).await;
    println!("| {} | {none:.0} | {many:.0} | {one:.0} | {beside:.0} | {median:.2} | {late:.2} |", DB::NAME);
}

/// An empty look in milliseconds, the middle one of eleven, while so many messages wait for their time.
async fn look<DB: Store>(db: &Db<DB>) -> f64 {
    let relay = Outbox::on(db.clone()).relay().any(|_message| async { Ok::<_, Error>(()) });
    let mut times = Vec::new();
    for _ in 0..11 {
        let begun = Instant::now();
        assert_eq!(relay.run_once().await.unwrap().delivered, 0);
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    times[5]
}

pub async fn looks<DB: Store>(db: &Db<DB>) {
    let mut line = format!("| {} |", DB::NAME);
    let mut count = String::new();
    for waiting in [0, 10_000, 100_000] {
        if waiting > 0 {
            record(db, waiting, 0).await;
            DB::run(db, "UPDATE resil_outbox SET due = due + 3600000").await;
        }
        write!(line, " {:.2} |", look(db).await).unwrap();
        let begun = Instant::now();
        Outbox::on(db.clone()).backlog().await.unwrap();
        write!(count, " {:.2} |", begun.elapsed().as_secs_f64() * 1e3).unwrap();
        DB::run(db, "DELETE FROM resil_outbox").await;
    }
    println!("{line}{count}");
}
