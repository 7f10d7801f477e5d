//! Another service in the same schema, with topics of its own, whose ordering keys are those of the shop's orders.

use crate::Failed;
use crate::books::Books;
use resil::outbox::{Message, Outbox};
use resil::{Db, Error};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const TOPIC: &str = "points.earned";

/// By ordering key, what was delivered, in that order.
type Taken = Arc<Mutex<BTreeMap<u32, Vec<u32>>>>;

pub struct Neighbour {
    taken: Taken,
    end: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    records: JoinHandle<Result<u32, Error>>,
    relays: JoinHandle<()>,
}

impl Neighbour {
    /// Records and delivers, and stops its relay again and again.
    pub fn moves_in<DB: Books>(db: &Db<DB>, seed: u64) -> Self {
        let taken = Taken::default();
        let (end, ended) = watch::channel(false);
        let (stop, stopped) = watch::channel(false);
        let records = tokio::spawn(record(db.clone(), ended));
        let relays = tokio::spawn(relay(db.clone(), Arc::clone(&taken), seed, stopped));
        Self { taken, end, stop, records, relays }
    }

    /// Records nothing more.
    pub fn falls_silent(&self) {
        self.end.send_replace(true);
    }

    /// What must not be so, once nothing waits any more.
    pub async fn violations(self) -> Result<Vec<String>, Failed> {
        let recorded = self.records.await??;
        self.stop.send_replace(true);
        self.relays.await?;
        let mut found = Vec::new();
        let mut seen = 0;
        for (key, numbers) in &*self.taken.lock().unwrap() {
            let mut first = Vec::new();
            for number in numbers {
                if !first.contains(number) {
                    first.push(*number);
                }
            }
            seen += first.len();
            if !first.is_sorted() {
                found.push(format!("the neighbour's key {key} came as {numbers:?}"));
            }
        }
        if seen != recorded as usize || recorded == 0 {
            found.push(format!("the neighbour has recorded {recorded} messages, and got {seen}"));
        }
        Ok(found)
    }
}

async fn record<DB: Books>(db: Db<DB>, end: watch::Receiver<bool>) -> Result<u32, Error> {
    let mut number = 0;
    while !*end.borrow() {
        let key = number % 40;
        db.transaction(async |tx| tx.outbox(TOPIC, &(key, number)).ordered_by(key).await).await?;
        number += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(number)
}

async fn relay<DB: Books>(db: Db<DB>, taken: Taken, seed: u64, mut stop: watch::Receiver<bool>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    while !*stop.borrow() {
        let taken = Arc::clone(&taken);
        let relay = Outbox::on(db.clone()).relay().on(TOPIC, move |message: Message| {
            let decoded = message.decode::<(u32, u32)>();
            let taken = Arc::clone(&taken);
            async move {
                let (key, number) = decoded?;
                tokio::task::yield_now().await;
                taken.lock().unwrap().entry(key).or_default().push(number);
                Ok::<_, Error>(())
            }
        });
        let lives = Duration::from_millis(rng.u64(50..1000));
        let relay = relay.poll(Duration::from_millis(100)).lease(Duration::from_secs(4));
        let ends = relay.run(async { _ = tokio::time::timeout(lives, stop.wait_for(|stop| *stop)).await });
        ends.await;
    }
}
