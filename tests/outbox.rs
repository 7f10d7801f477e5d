//! The outbox on real databases.

#![expect(clippy::unwrap_used, reason = "a test")]

mod support;

use resil::outbox::{Message, Outbox, OutboxError, Relay, Relayed};
use resil::{Backend, Classify, Db, Error, Event, IdempotencyKey, Once, Verdict};
use sqlx::{Postgres, Sqlite};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// What SQL the tests need, on either database.
trait Sql: Backend {
    async fn run(db: &Db<Self>, sql: &'static str);
    async fn number(db: &Db<Self>, sql: &'static str) -> i64;
    fn write(tx: &mut resil::Tx<Self>, sql: &'static str) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

macro_rules! sql {
    ($database:ty) => {
        impl Sql for $database {
            async fn run(db: &Db<Self>, sql: &'static str) {
                sqlx::raw_sql(sql).execute(db.pool().unwrap()).await.unwrap();
            }

            async fn number(db: &Db<Self>, sql: &'static str) -> i64 {
                sqlx::query_scalar(sql).fetch_one(db.pool().unwrap()).await.unwrap()
            }

            async fn write(tx: &mut resil::Tx<Self>, sql: &'static str) -> Result<(), sqlx::Error> {
                sqlx::query(sql).execute(&mut **tx).await.map(drop)
            }
        }
    };
}
sql!(Sqlite);
sql!(Postgres);

#[derive(Debug)]
struct Fails(Verdict);

impl Classify for Fails {
    fn verdict(&self) -> Verdict {
        self.0
    }
}

impl std::fmt::Display for Fails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the consumer fails")
    }
}

/// How a consumer takes a message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Ok,
    Passing,
    Permanent,
    Panics,
    Hangs,
    /// Says that it has begun, waits at the gate, and is well.
    Waits,
    WaitsAndFails,
}

/// A consumer that keeps what it has taken, and what it was asked to take.
#[derive(Default)]
struct Consumer {
    taken: Mutex<Vec<String>>,
    asked: Mutex<Vec<(String, u32)>>,
    began: Notify,
    gate: Notify,
    /// The next ways for a payload; all others go well.
    ways: Mutex<HashMap<String, Vec<Way>>>,
}

impl Consumer {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn goes(&self, payload: &str, ways: &[Way]) {
        self.ways.lock().unwrap().insert(payload.to_owned(), ways.iter().rev().copied().collect());
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }

    fn asked(&self) -> Vec<(String, u32)> {
        self.asked.lock().unwrap().clone()
    }

    async fn take(&self, message: Message) -> Result<(), Fails> {
        self.asked.lock().unwrap().push((message.payload.clone(), message.attempt));
        let way = self.ways.lock().unwrap().get_mut(&message.payload).and_then(Vec::pop).unwrap_or(Way::Ok);
        if matches!(way, Way::Waits | Way::WaitsAndFails) {
            self.began.notify_one();
            self.gate.notified().await;
        }
        match way {
            Way::Ok | Way::Waits => self.taken.lock().unwrap().push(message.payload),
            Way::Passing => return Err(Fails(Verdict::transient())),
            Way::Permanent | Way::WaitsAndFails => return Err(Fails(Verdict::permanent())),
            Way::Panics => panic!("the consumer has a bug"),
            Way::Hangs => std::future::pending().await,
        }
        Ok(())
    }
}

/// A relay without waits between attempts.
fn relay<DB: Backend>(db: &Db<DB>, consumer: &Arc<Consumer>) -> Relay<DB> {
    let consumer = Arc::clone(consumer);
    let relay = Outbox::on(db.clone()).relay(move |message| {
        let consumer = Arc::clone(&consumer);
        async move { consumer.take(message).await }
    });
    relay.base(Duration::ZERO).max(Duration::ZERO).attempts(3)
}

/// Records these events, each in a transaction of its own.
async fn record<DB: Backend>(db: &Db<DB>, key: Option<&str>, events: &[u32]) {
    for event in events {
        let recorded = db.transaction(async |tx| {
            let recording = tx.outbox("numbers", event);
            match key {
                Some(key) => recording.ordered_by(key).await,
                None => recording.await,
            }
        });
        recorded.await.unwrap();
    }
}

/// Whether this ever becomes so.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

async fn waiting<DB: Sql>(db: &Db<DB>) -> i64 {
    DB::number(db, "SELECT count(*) FROM resil_outbox").await
}

on_both_databases! {
    async fn an_event_is_delivered_if_its_transaction_commits(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, None, &[1]).await;
        let rolled_back: Result<(), Error> = db
            .transaction(async |tx| {
                tx.outbox("numbers", &2).await?;
                Err(Error::MissingKey { method: "POST" })
            })
            .await;
        rolled_back.unwrap_err();
        db.transaction(async |tx| {
            let part: Result<(), Error> = tx
                .savepoint(async |tx| {
                    tx.outbox("numbers", &3).await?;
                    Err(Error::MissingKey { method: "POST" })
                })
                .await;
            part.unwrap_err();
            tx.outbox("numbers", &4).await
        })
        .await
        .unwrap();
        let done = relay(&db, &consumer).run_once().await.unwrap();
        assert_eq!((done.delivered, done.failed, done.set_aside), (2, 0, 0));
        assert_eq!(consumer.taken(), ["1", "4"]);
        assert_eq!(waiting(&db).await, 0, "what is delivered is deleted");
    }

    async fn a_message_says_what_it_is(db) {
        db.migrate().await.unwrap();
        let hostile = "it's \"quoted\" \u{0} {now} $1; DROP TABLE resil_outbox; -- \u{1F980}";
        let id = db
            .transaction(async |tx| tx.outbox("parcel's; topic", hostile).ordered_by("order '7' $2 {now}").await)
            .await
            .unwrap();
        let seen = Arc::new(Mutex::new(None));
        let keeps = Arc::clone(&seen);
        let relay = Outbox::on(db.clone()).relay(move |message: Message| {
            *keeps.lock().unwrap() = Some((message, IdempotencyKey::current()));
            async { Ok::<_, Error>(()) }
        });
        relay.run_once().await.unwrap();
        let (message, key) = seen.lock().unwrap().take().unwrap();
        assert_eq!((message.id, message.attempt), (id, 1));
        assert_eq!((message.topic.as_str(), message.ordering.as_deref()), ("parcel's; topic", Some("order '7' $2 {now}")));
        assert_eq!(message.decode::<String>().unwrap(), hostile);
        assert!(message.recorded.elapsed().unwrap_or_default() < Duration::from_secs(600));
        assert_eq!(key.unwrap().as_str(), id.to_string(), "what HTTP requests within carry");
        assert!(!format!("{message:?}").contains("quoted"), "the payload is the user's");
    }

    async fn what_cannot_be_recorded_is_refused_and_rolls_back(db) {
        db.migrate().await.unwrap();
        let long = "x".repeat(256);
        let cases: [(&str, &str, &str); 5] = [
            ("", "key", "the topic of a message is empty: not recorded"),
            (&long, "key", "the topic of a message has 256 bytes, 255 are allowed: not recorded"),
            ("topic", "", "the ordering key of a message is empty: not recorded"),
            ("topic", "a\nb", "byte 1 of the ordering key of a message is a control character: not recorded"),
            ("to\u{0}pic", "key", "byte 2 of the topic of a message is a control character: not recorded"),
        ];
        for (topic, key, expected) in cases {
            let refused = db.transaction(async |tx| tx.outbox(topic, &1).ordered_by(key).await).await.unwrap_err();
            assert_eq!((refused.to_string().as_str(), refused.verdict()), (expected, Verdict::caller()));
        }
        let map = HashMap::from([((1, 2), 3)]);
        let refused = db.transaction(async |tx| tx.outbox("topic", &map).await).await.unwrap_err();
        assert_eq!(refused.to_string(), "the event for `topic` cannot be stored, it has no JSON form: not recorded");
        assert_eq!(waiting(&db).await, 0);
    }

    async fn each_key_is_in_order_whatever_fails(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, Some("a"), &[1, 2, 3]).await;
        record(&db, Some("b"), &[11, 12]).await;
        record(&db, None, &[21]).await;
        consumer.goes("1", &[Way::Passing, Way::Permanent, Way::Panics]);
        consumer.goes("12", &[Way::Passing; 20]);
        let done = relay(&db, &consumer).run_once().await.unwrap();
        assert_eq!((done.delivered, done.failed, done.set_aside), (6, 23, 0), "passing trouble is waited out");
        let taken = consumer.taken();
        let of = |numbers: &[&str]| taken.iter().filter(|one| numbers.contains(&one.as_str())).cloned().collect::<Vec<_>>();
        assert_eq!((of(&["1", "2", "3"]), of(&["11", "12"])), (vec!["1".into(), "2".into(), "3".into()], vec!["11".into(), "12".into()]));
        assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 6);
        let attempts: Vec<_> = consumer.asked().into_iter().filter(|(payload, _)| payload == "1").map(|(_, attempt)| attempt).collect();
        assert_eq!(attempts, [1, 2, 3, 4]);
        assert_eq!(waiting(&db).await, 0);
    }

    async fn poison_is_set_aside_and_its_key_waits_for_an_operator(db) {
        db.migrate().await.unwrap();
        let mut events = resil::registry().subscribe();
        let (consumer, outbox) = (Consumer::new(), Outbox::on(db.clone()));
        record(&db, Some("a"), &[1, 2]).await;
        record(&db, Some("b"), &[11]).await;
        record(&db, Some("c"), &[21, 22]).await;
        consumer.goes("1", &[Way::Permanent, Way::Passing, Way::Panics, Way::Permanent, Way::Ok]);
        consumer.goes("21", &[Way::Panics; 3]);
        let done = relay(&db, &consumer).run_once().await.unwrap();
        assert_eq!((done.delivered, done.set_aside), (1, 2));
        assert_eq!(consumer.taken(), ["11"], "other keys do not wait");

        let aside = outbox.set_aside(10).await.unwrap();
        let found: Vec<_> = aside.iter().map(|one| (one.message.payload.as_str(), one.why.as_str())).collect();
        assert_eq!(found, [("1", "the consumer fails"), ("21", "the handler panicked: the consumer has a bug")]);
        let backlog = outbox.backlog().await.unwrap();
        assert_eq!((backlog.waiting, backlog.set_aside), (2, 2));
        assert!(backlog.oldest.is_some());
        let mut told = HashSet::new();
        while told.len() < 2 {
            if let Event::MessageSetAside { id, topic, .. } = events.next().await {
                assert_eq!(topic, "numbers");
                told.insert(id);
            }
        }

        outbox.redeliver(aside[0].message.id).await.unwrap();
        outbox.discard(aside[1].message.id).await.unwrap();
        relay(&db, &consumer).run_once().await.unwrap();
        let mut taken = consumer.taken();
        taken.sort();
        assert_eq!(taken, ["1", "11", "2", "22"]);
        assert_eq!(outbox.backlog().await.unwrap(), resil::outbox::Backlog::default());
        for id in [aside[0].message.id, aside[1].message.id] {
            let (redelivered, discarded) = (outbox.redeliver(id).await.unwrap_err(), outbox.discard(id).await.unwrap_err());
            assert_eq!(redelivered.to_string(), OutboxError::NotSetAside(id).to_string());
            assert_eq!(discarded.to_string(), OutboxError::NoSuchMessage(id).to_string());
        }
    }

    async fn what_waits_for_an_operator_is_not_delivered_behind_another(db) {
        db.migrate().await.unwrap();
        let (consumer, outbox) = (Consumer::new(), Outbox::on(db.clone()));
        record(&db, Some("a"), &[1, 2, 3]).await;
        // The first was delivered before, and nobody heard of it; the second was set aside then.
        DB::run(&db, "UPDATE resil_outbox SET due = NULL, why = 'poison' WHERE number = 2").await;
        let done = relay(&db, &consumer).run_once().await.unwrap();
        assert_eq!((done.delivered, consumer.taken()), (1, vec!["1".to_owned()]));
        let aside = outbox.set_aside(10).await.unwrap();
        outbox.discard(aside[0].message.id).await.unwrap();
        relay(&db, &consumer).run_once().await.unwrap();
        assert_eq!(consumer.taken(), ["1", "3"]);
    }

    async fn one_transaction_records_as_many_as_it_likes(db) {
        db.migrate().await.unwrap();
        let recorded: Result<(), Error> = db
            .transaction(async |tx| {
                for number in 0..15_000 {
                    tx.outbox("numbers", &number).await?;
                }
                Ok(())
            })
            .await;
        recorded.unwrap();
        assert_eq!(waiting(&db).await, 15_000);
    }

    async fn a_message_that_waits_can_be_discarded(db) {
        db.migrate().await.unwrap();
        let (consumer, outbox) = (Consumer::new(), Outbox::on(db.clone()));
        let id = db.transaction(async |tx| tx.outbox("numbers", &1).ordered_by("a").await).await.unwrap();
        record(&db, Some("a"), &[2]).await;
        outbox.discard(id).await.unwrap();
        relay(&db, &consumer).run_once().await.unwrap();
        assert_eq!(consumer.taken(), ["2"]);
    }

    async fn who_lost_the_lease_deletes_nothing(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        consumer.goes("1", &[Way::Waits]);
        record(&db, Some("a"), &[1]).await;
        let relay = relay(&db, &consumer);
        let overtaken = tokio::spawn(async move { relay.run_once().await });
        consumer.began.notified().await;
        // Another relay is at it now: the next in the lane must wait for that one.
        DB::run(&db, "UPDATE resil_outbox SET epoch = epoch + 1").await;
        consumer.gate.notify_one();
        overtaken.await.unwrap().unwrap();
        assert_eq!(waiting(&db).await, 1);
    }

    async fn a_busy_key_lets_others_have_their_turn(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, Some("a"), &(0..200).collect::<Vec<_>>()).await;
        record(&db, Some("b"), &[1_000]).await;
        record(&db, None, &[1_001]).await;
        relay(&db, &consumer).concurrency(1).run_once().await.unwrap();
        let taken = consumer.taken();
        assert_eq!(taken.len(), 202);
        let late = taken[..140].iter().filter(|payload| payload.len() == 4).count();
        assert_eq!(late, 2, "{taken:?}");
    }

    async fn a_broker_that_is_away_is_tried_with_one_message_at_a_time(db) {
        db.migrate().await.unwrap();
        record(&db, None, &(0..40).collect::<Vec<_>>()).await;
        let (running, after_that, failures) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        let all = Arc::new((running, after_that, failures));
        let (seen, stop) = (Arc::clone(&all), Arc::new(Notify::new()));
        let stops = Arc::clone(&stop);
        let relay = Outbox::on(db.clone()).relay(move |_| {
            let (all, stop) = (Arc::clone(&seen), Arc::clone(&stops));
            async move {
                let (running, after_that, failures) = &*all;
                let now = running.fetch_add(1, Ordering::Relaxed) + 1;
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::Relaxed);
                let failed = failures.fetch_add(1, Ordering::Relaxed);
                if failed >= 4 {
                    after_that.fetch_max(now, Ordering::Relaxed);
                }
                if failed == 12 {
                    stop.notify_one();
                }
                Err::<(), _>(Fails(Verdict::transient()))
            }
        });
        let relay = relay.concurrency(4).base(Duration::from_millis(1)).max(Duration::from_millis(2));
        relay.run(async { stop.notified().await }).await;
        assert_eq!(all.1.load(Ordering::Relaxed), 1);
    }

    async fn a_stop_does_not_wait_for_all_that_a_busy_key_has(db) {
        db.migrate().await.unwrap();
        record(&db, Some("a"), &(0..60).collect::<Vec<_>>()).await;
        let stop = Arc::new(Notify::new());
        let (stops, taken) = (Arc::clone(&stop), Arc::new(AtomicU32::new(0)));
        let counts = Arc::clone(&taken);
        let relay = Outbox::on(db.clone()).relay(move |_| {
            let (stop, taken) = (Arc::clone(&stops), Arc::clone(&counts));
            async move {
                if taken.fetch_add(1, Ordering::Relaxed) == 4 {
                    stop.notify_one();
                    // So that it is heard.
                    for _ in 0..100 {
                        tokio::task::yield_now().await;
                    }
                }
                Ok::<_, Error>(())
            }
        });
        let done = relay.run(async { stop.notified().await }).await;
        assert_eq!(i64::try_from(done.delivered).unwrap() + waiting(&db).await, 60, "what is delivered is deleted");
        assert!(u64::from(taken.load(Ordering::Relaxed)) == done.delivered && done.delivered < 60, "{done:?}");
    }

    async fn an_event_of_another_type_is_set_aside(db) {
        db.migrate().await.unwrap();
        record(&db, None, &[7]).await;
        let relay = Outbox::on(db.clone()).relay(|message: Message| async move { message.decode::<String>().map(drop) });
        let done = relay.base(Duration::ZERO).run_once().await.unwrap();
        assert_eq!((done.failed, done.set_aside), (10, 1));
        let aside = Outbox::on(db.clone()).set_aside(1).await.unwrap();
        assert_eq!(aside[0].why, "the event for `numbers` cannot be read, a value at line 1 column 1 is of another type or missing");
    }

    async fn a_handler_that_hangs_is_cut_off(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, Some("a"), &[1, 2]).await;
        consumer.goes("1", &[Way::Hangs, Way::Hangs, Way::Ok]);
        let done = relay(&db, &consumer).lease(Duration::from_millis(60)).run_once().await.unwrap();
        assert_eq!((done.delivered, done.failed, done.set_aside), (2, 2, 0));
        assert_eq!(consumer.taken(), ["1", "2"]);
    }

    async fn a_commit_wakes_the_relay(db) {
        db.migrate().await.unwrap();
        let (consumer, stop) = (Consumer::new(), Arc::new(Notify::new()));
        let stopped = Arc::clone(&stop);
        let relay = relay(&db, &consumer).poll(Duration::MAX);
        let relay = tokio::spawn(relay.run(async move { stopped.notified().await }));
        record(&db, Some("a"), &[1]).await;
        until(|| consumer.taken().len() == 1).await;
        record(&db, None, &[2]).await;
        until(|| consumer.taken().len() == 2).await;
        stop.notify_one();
        assert_eq!(relay.await.unwrap().delivered, 2);
        assert_eq!(waiting(&db).await, 0);
    }

    async fn a_stop_lets_a_delivery_end_and_a_drop_leaves_it_to_the_next_relay(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        consumer.goes("1", &[Way::Waits, Way::Waits]);
        record(&db, Some("a"), &[1]).await;
        let cut_off = tokio::spawn(relay(&db, &consumer).run(std::future::pending()));
        consumer.began.notified().await;
        cut_off.abort();
        assert!(cut_off.await.unwrap_err().is_cancelled());
        assert_eq!(relay(&db, &consumer).run_once().await.unwrap(), Relayed::default(), "its lease lasts");
        DB::run(&db, "UPDATE resil_outbox SET due = 0").await;
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let ends = tokio::spawn(relay(&db, &consumer).run(async move { stopped.notified().await }));
        consumer.began.notified().await;
        stop.notify_one();
        consumer.gate.notify_one();
        assert_eq!(ends.await.unwrap().delivered, 1);
        assert_eq!(waiting(&db).await, 0);
    }

    async fn who_lost_the_lease_puts_nothing_off(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        consumer.goes("1", &[Way::WaitsAndFails]);
        record(&db, None, &[1]).await;
        let relay = relay(&db, &consumer);
        let overtaken = tokio::spawn(async move { relay.run_once().await });
        consumer.began.notified().await;
        // Another relay has it now.
        DB::run(&db, "UPDATE resil_outbox SET epoch = epoch + 1").await;
        consumer.gate.notify_one();
        let done = overtaken.await.unwrap().unwrap();
        assert_eq!((done.failed, done.set_aside), (1, 0));
        assert_eq!(DB::number(&db, "SELECT count(due) FROM resil_outbox WHERE attempts = 0").await, 1);
    }

    /// Many keys, consumers that fail by chance, relays that are dropped by chance: each message arrives, in order.
    async fn three_relays_that_die_by_chance_lose_nothing(db) {
        const KEYS: u32 = 12;
        const EACH: u32 = 10;
        db.migrate().await.unwrap();
        let seed = std::env::var("RESIL_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(6);
        let random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        let arrived: Arc<Mutex<BTreeMap<u32, Vec<u32>>>> = Arc::default();
        let handler = {
            let (random, arrived) = (Arc::clone(&random), Arc::clone(&arrived));
            move |message: Message| {
                let (random, arrived) = (Arc::clone(&random), Arc::clone(&arrived));
                async move {
                    let (key, number): (u32, u32) = message.decode().unwrap();
                    tokio::task::yield_now().await;
                    let chance = random.lock().unwrap().u32(..100);
                    if chance < 20 {
                        return Err(Fails(Verdict::transient()));
                    }
                    arrived.lock().unwrap().entry(key).or_default().push(number);
                    // Delivered, and nobody hears of it.
                    if chance < 25 { Err(Fails(Verdict::transient())) } else { Ok(()) }
                }
            }
        };
        let produce = async {
            for number in 0..EACH {
                for key in 0..KEYS {
                    let recorded = db.transaction(async |tx| tx.outbox("numbers", &(key, number)).ordered_by(key).await);
                    recorded.await.unwrap();
                }
            }
        };
        let consume = async {
            loop {
                let relays: Vec<_> = (0..3)
                    .map(|_| {
                        let relay = Outbox::on(db.clone()).relay(handler.clone()).base(Duration::ZERO);
                        tokio::spawn(relay.poll(Duration::from_millis(2)).concurrency(4).run(std::future::pending()))
                    })
                    .collect();
                let lives = random.lock().unwrap().u64(1..40);
                tokio::time::sleep(Duration::from_millis(lives)).await;
                for relay in relays {
                    relay.abort();
                    _ = relay.await;
                }
                // Their leases are over.
                DB::run(&db, "UPDATE resil_outbox SET due = 0").await;
                let complete = |numbers: &Vec<u32>| numbers.contains(&(EACH - 1));
                let is_done = arrived.lock().unwrap().values().filter(|numbers| complete(numbers)).count() == KEYS as usize;
                if is_done && waiting(&db).await == 0 {
                    break;
                }
            }
        };
        tokio::join!(produce, consume);
        for (key, numbers) in &*arrived.lock().unwrap() {
            let mut first = Vec::new();
            for number in numbers {
                if !first.contains(number) {
                    first.push(*number);
                }
            }
            assert_eq!(first, (0..EACH).collect::<Vec<_>>(), "key {key}, seed {seed}: {numbers:?}");
        }
    }

    async fn a_consumer_that_uses_once_has_one_effect(db) {
        db.migrate().await.unwrap();
        DB::run(&db, "CREATE TABLE parcels (number BIGINT)").await;
        record(&db, None, &[1]).await;
        let fails = Arc::new(Mutex::new(3));
        let consumer = db.clone();
        let relay = Outbox::on(db.clone()).relay(move |message: Message| {
            let (db, fails) = (consumer.clone(), Arc::clone(&fails));
            async move {
                let shipped: Result<(), Error> = db
                    .once(Once::of("ship", message.id), async |tx| {
                        DB::write(tx, "INSERT INTO parcels VALUES (1)").await.map_err(|_| Error::MissingKey { method: "" })
                    })
                    .await;
                shipped.unwrap();
                let mut left = fails.lock().unwrap();
                *left -= 1;
                if *left > 0 { Err(Fails(Verdict::transient())) } else { Ok(()) }
            }
        });
        let done = relay.base(Duration::ZERO).run_once().await.unwrap();
        assert_eq!((done.delivered, done.failed), (1, 2));
        assert_eq!(DB::number(&db, "SELECT count(*) FROM parcels").await, 1);
    }

    async fn a_clock_that_was_set_back_holds_nothing_up(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, None, &[1]).await;
        DB::run(&db, "UPDATE resil_outbox SET due = due + 400000000000").await;
        let (seen, stop) = (Arc::clone(&consumer), Arc::new(Notify::new()));
        let relay = relay(&db, &consumer).run(async { stop.notified().await });
        tokio::join!(relay, async {
            until(|| seen.taken() == ["1"]).await;
            stop.notify_one();
        });
    }
}

/// Two transactions that write side by side: the second waits, so that what is delivered first was committed first.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn on_postgres_messages_of_one_key_are_in_the_order_of_the_commits() {
    support::postgres(async |db: Db<Postgres>| {
        db.migrate().await.unwrap();
        let (recorded, commits) = (Notify::new(), Notify::new());
        let first = db.transaction(async |tx| {
            tx.outbox("numbers", &1).ordered_by("a").await?;
            recorded.notify_one();
            commits.notified().await;
            Ok::<_, Error>(())
        });
        let second = async {
            recorded.notified().await;
            // Others do not wait.
            record(&db, Some("b"), &[11]).await;
            record(&db, None, &[21]).await;
            let waits = db.transaction(async |tx| {
                tx.outbox("numbers", &2).ordered_by("a").await?;
                Ok::<_, Error>(())
            });
            let looks = async {
                let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
                while Postgres::number(&db, waits).await == 0 {
                    tokio::task::yield_now().await;
                }
                commits.notify_one();
            };
            let (waited, ()) = tokio::join!(waits, looks);
            waited
        };
        let (first, second) = tokio::join!(first, second);
        first.unwrap();
        second.unwrap();
        let consumer = Consumer::new();
        relay(&db, &consumer).run_once().await.unwrap();
        let taken = consumer.taken();
        let at = |payload: &str| taken.iter().position(|one| one == payload).unwrap();
        assert!(at("1") < at("2"), "{taken:?}");
        assert_eq!(taken.len(), 4);
    })
    .await;
}
