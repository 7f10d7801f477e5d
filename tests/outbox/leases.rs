//! Relays that stop, die and are overtaken.

use super::*;
use resil::outbox::OutboxEvent;

/// The clock of before was two hours ahead of the one of now.
const SET_BACK: &str = "
    UPDATE resil_outbox SET recorded = recorded + 7200000, due = due + 7200000, since = since + 7200000,
        scheduled = scheduled + 7200000";

on_both_databases! {
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
        assert_eq!(DB::number(&db, "SELECT count(due) FROM resil_outbox WHERE why = ''").await, 1);
    }

    async fn each_lease_has_a_token_of_its_own(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, None, &[1]).await;
        let mut tokens = HashSet::new();
        for _ in 0..4 {
            consumer.goes("1", &[Way::Waits]);
            let cut_off = tokio::spawn(relay(&db, &consumer).run(std::future::pending()));
            consumer.began.notified().await;
            tokens.insert(DB::number(&db, "SELECT epoch FROM resil_outbox").await);
            // A failover loses the commit of the claim.
            DB::run(&db, "UPDATE resil_outbox SET epoch = 0, due = 0, alone = 0, attempts = 0, spent = 0").await;
            cut_off.abort();
            _ = cut_off.await;
        }
        assert_eq!(tokens.len(), 4, "{tokens:?}");
    }

    async fn a_claim_whose_answer_is_lost_is_no_death(db) {
        db.migrate().await.unwrap();
        let (consumer, stop) = (Consumer::new(), Arc::new(Notify::new()));
        record(&db, None, &[1, 2, 3]).await;
        record(&db, Some("a"), &[4, 5]).await;
        resil::testing::lose_answers("chosen AS", 2);
        let stopped = Arc::clone(&stop);
        let relay = relay(&db, &consumer).attempts(1).poll(Duration::from_millis(2));
        let relay = tokio::spawn(relay.run(async move { stopped.notified().await }));
        until(|| consumer.taken().len() == 5).await;
        stop.notify_one();
        assert_eq!(relay.await.unwrap().delivered, 5);
        assert!(consumer.asked().iter().all(|(_, attempt)| *attempt == 1), "{:?}", consumer.asked());
    }

    async fn who_runs_once_gives_back_a_claim_whose_answer_is_lost(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, None, &[1]).await;
        resil::testing::lose_answers("chosen AS", 1);
        relay(&db, &consumer).run_once().await.unwrap_err();
        while DB::number(&db, "SELECT attempts FROM resil_outbox").await > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(relay(&db, &consumer).attempts(1).run_once().await.unwrap().delivered, 1);
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
        while DB::number(&db, "SELECT max(attempts) FROM resil_outbox").await > 0 {
            tokio::task::yield_now().await;
        }
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let ends = tokio::spawn(relay(&db, &consumer).run(async move { stopped.notified().await }));
        consumer.began.notified().await;
        stop.notify_one();
        consumer.gate.notify_one();
        assert_eq!(ends.await.unwrap().delivered, 1);
        assert_eq!(waiting(&db).await, 0);
    }

    async fn a_stop_does_not_wait_for_all_that_a_busy_key_has(db) {
        db.migrate().await.unwrap();
        record(&db, Some("a"), &(0..60).collect::<Vec<_>>()).await;
        let stop = Arc::new(Notify::new());
        let (stops, taken) = (Arc::clone(&stop), Arc::new(AtomicU32::new(0)));
        let counts = Arc::clone(&taken);
        let relay = Outbox::on(db.clone()).relay().any(move |_| {
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
                        let relay = Outbox::on(db.clone()).relay().any(handler.clone()).base(Duration::ZERO).attempts(u32::MAX);
                        tokio::spawn(relay.poll(Duration::from_millis(2)).concurrency(4).run(std::future::pending()))
                    })
                    .collect();
                let lives = random.lock().unwrap().u64(1..100);
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

    async fn dropped_at_every_poll_what_is_recorded_is_delivered_in_order(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        for number in 0..200_u32 {
            let recorded = db.transaction(async |tx| tx.outbox("numbers", &number).ordered_by("a").await);
            _ = support::dropped_after(i64::from(number % 20), recorded).await;
            // A relay is cut off in the same way. Its lease is over at once.
            let relay = relay(&db, &consumer).attempts(u32::MAX).poll(Duration::ZERO).run(std::future::pending());
            _ = support::dropped_after(i64::from(number % 12), relay).await;
            DB::run(&db, "UPDATE resil_outbox SET due = 0").await;
        }
        // A commit under way goes on, and so may a claim.
        while waiting(&db).await > 0 {
            DB::run(&db, "UPDATE resil_outbox SET due = 0").await;
            relay(&db, &consumer).attempts(u32::MAX).run_once().await.unwrap();
        }
        let mut first: Vec<u32> = Vec::new();
        for number in consumer.taken().iter().map(|payload| payload.parse().unwrap()) {
            if !first.contains(&number) {
                first.push(number);
            }
        }
        assert!(first.is_sorted() && first.len() > 20, "{first:?}");
        record(&db, None, &[1_000]).await;
        assert_eq!(relay(&db, &consumer).run_once().await.unwrap().delivered, 1, "no connection is lost");
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

    async fn a_clock_that_was_set_back_two_hours_holds_nothing_up_for_two_hours(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        consumer.goes("1", &[Way::Passing]);
        record(&db, Some("a"), &[1, 2]).await;
        relay(&db, &consumer).base(Duration::from_secs(60)).max(Duration::from_secs(60)).run_once().await.unwrap();
        record(&db, Some("b"), &[3, 4, 5]).await;
        record(&db, None, &[6]).await;
        DB::run(&db, "UPDATE resil_outbox SET due = scheduled WHERE attempts > 0").await;
        DB::run(&db, SET_BACK).await;
        let stop = Arc::new(Notify::new());
        let relay = relay(&db, &consumer).run(async { stop.notified().await });
        tokio::join!(relay, async {
            until(|| consumer.taken().len() == 6).await;
            stop.notify_one();
        });
    }

    async fn a_clock_that_was_set_back_ends_no_lease(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, None, &[1]).await;
        consumer.goes("1", &[Way::Waits]);
        let first = tokio::spawn(relay(&db, &consumer).run(std::future::pending()));
        consumer.began.notified().await;
        DB::run(&db, SET_BACK).await;
        let stop = Arc::new(Notify::new());
        let other = relay(&db, &consumer).run(async { stop.notified().await });
        tokio::join!(other, async {
            while DB::number(&db, "SELECT max(due - recorded) FROM resil_outbox").await > 0 {
                tokio::task::yield_now().await;
            }
            stop.notify_one();
        });
        assert_eq!(consumer.asked().len(), 1, "its lease goes on");
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_outbox WHERE alone = 2").await, 1);
        first.abort();
    }

    /// A database that takes no deletion for a while.
    async fn what_was_delivered_is_deleted_later_and_not_delivered_again(db) {
        db.migrate().await.unwrap();
        let [refuses, is_well] = match <DB as sqlx::Database>::NAME {
            "SQLite" => [
                "CREATE TRIGGER keeps BEFORE DELETE ON resil_outbox BEGIN SELECT RAISE(ABORT, 'kept'); END",
                "DROP TRIGGER keeps",
            ],
            _ => [
                "CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'kept'; END $$;
                CREATE TRIGGER keeps BEFORE DELETE ON resil_outbox EXECUTE FUNCTION keeps()",
                "DROP FUNCTION keeps CASCADE",
            ],
        };
        let (consumer, stop) = (Consumer::new(), Arc::new(Notify::new()));
        record(&db, Some("a"), &[1, 2]).await;
        record(&db, None, &[3]).await;
        let mut events = resil::registry().subscribe();
        DB::run(&db, refuses).await;
        let stopped = Arc::clone(&stop);
        let relay = relay(&db, &consumer).poll(Duration::from_millis(2));
        let relay = tokio::spawn(relay.run(async move { stopped.notified().await }));
        let mut failures = 0;
        while failures < 3 {
            failures += usize::from(matches!(events.next().await, Event::Outbox(OutboxEvent::Unreachable { .. })));
        }
        // Their leases end, and nobody else has taken them up.
        DB::run(&db, is_well).await;
        while waiting(&db).await > 0 {
            tokio::task::yield_now().await;
        }
        stop.notify_one();
        let done = relay.await.unwrap();
        let mut taken = consumer.taken();
        taken.sort();
        assert_eq!((done.delivered, done.lost, taken), (3, 0, vec!["1".to_owned(), "2".into(), "3".into()]));
    }
}
