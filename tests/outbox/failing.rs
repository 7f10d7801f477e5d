//! Consumers that fail, and what an operator does about it.

use super::*;
use resil::outbox::OutboxEvent;

on_both_databases! {
    async fn each_key_is_in_order_whatever_fails(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, Some("a"), &[1, 2, 3]).await;
        record(&db, Some("b"), &[11, 12]).await;
        record(&db, None, &[21]).await;
        consumer.goes("1", &[Way::Passing, Way::Permanent, Way::Panics]);
        consumer.goes("12", &[Way::Passing; 20]);
        let done = relay(&db, &consumer).attempts(30).run_once().await.unwrap();
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
        consumer.goes("1", &[Way::Permanent, Way::Panics, Way::Permanent, Way::Ok]);
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
            if let Event::Outbox(OutboxEvent::SetAside { id, topic, .. }) = events.next().await {
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

    async fn a_message_that_waits_can_be_discarded(db) {
        db.migrate().await.unwrap();
        let (consumer, outbox) = (Consumer::new(), Outbox::on(db.clone()));
        let id = db.transaction(async |tx| tx.outbox("numbers", &1).ordered_by("a").await).await.unwrap();
        record(&db, Some("a"), &[2]).await;
        outbox.discard(id).await.unwrap();
        relay(&db, &consumer).run_once().await.unwrap();
        assert_eq!(consumer.taken(), ["2"]);
    }

    async fn an_event_of_another_type_is_set_aside(db) {
        db.migrate().await.unwrap();
        record(&db, None, &[7]).await;
        let relay = Outbox::on(db.clone()).relay().any(|message: Message| async move { message.decode::<String>().map(drop) });
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
        record(&db, None, &[3]).await;
        consumer.goes("3", &[Way::Hangs; 3]);
        let done = relay(&db, &consumer).lease(Duration::from_millis(400)).run_once().await.unwrap();
        assert_eq!((done.delivered, done.failed, done.set_aside), (2, 5, 1), "nobody waits for ever for one that hangs");
        assert_eq!(consumer.taken(), ["1", "2"]);
        assert_eq!(Outbox::on(db.clone()).set_aside(1).await.unwrap()[0].why, "no end within 200ms");
    }

    async fn a_broker_that_is_away_is_tried_with_one_message_at_a_time(db) {
        db.migrate().await.unwrap();
        record(&db, None, &(0..40).collect::<Vec<_>>()).await;
        let (running, after_that, failures) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        let all = Arc::new((running, after_that, failures));
        let (seen, stop) = (Arc::clone(&all), Arc::new(Notify::new()));
        let stops = Arc::clone(&stop);
        let relay = Outbox::on(db.clone()).relay().any(move |_| {
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
}
