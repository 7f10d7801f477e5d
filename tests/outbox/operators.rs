//! What an operator does while relays are at work.

use super::*;
use resil::health::{Health, OutboxBacklog};
use resil::outbox::{Filter, OutboxEvent};

/// Runs it until it has looked at what waits: what is told then.
async fn looked<DB: Backend>(relay: Relay<DB>) -> (OutboxBacklog, Health) {
    let mut told = None;
    let looks = async {
        while resil::registry().backlogs().outbox.seen.is_none() {
            tokio::task::yield_now().await;
        }
        told = Some((resil::registry().backlogs().outbox, resil::health()));
    };
    relay.run(looks).await;
    assert_eq!(resil::registry().backlogs().outbox, OutboxBacklog::default(), "nobody looks any more");
    told.unwrap()
}

on_both_databases! {
    async fn what_is_being_delivered_is_not_discarded(db) {
        db.migrate().await.unwrap();
        let (consumer, outbox) = (Consumer::new(), Outbox::on(db.clone()));
        consumer.goes("1", &[Way::Waits]);
        let mut ids = Vec::new();
        for number in 1..=3 {
            ids.push(db.transaction(async |tx| tx.outbox("numbers", &number).ordered_by("a").await).await.unwrap());
        }
        let other = db.transaction(async |tx| tx.outbox("numbers", &11).ordered_by("b").await).await.unwrap();
        DB::run(&db, "UPDATE resil_outbox SET due = due + 3600000 WHERE lane = 'b'").await;
        let relay = relay(&db, &consumer);
        let runs = tokio::spawn(async move { relay.run_once().await });
        consumer.began.notified().await;
        // Neither it nor what may be delivered after it under the same lease.
        for id in &ids {
            let busy = outbox.discard(*id).await.unwrap_err();
            assert_eq!(busy.to_string(), OutboxError::Busy(*id).to_string());
            assert!(busy.verdict().is_transient());
        }
        outbox.discard(other).await.unwrap();
        consumer.gate.notify_one();
        assert_eq!(runs.await.unwrap().unwrap().delivered, 3);
        assert_eq!((consumer.taken(), waiting(&db).await), (vec!["1".into(), "2".into(), "3".into()], 0));
        assert_eq!(outbox.discard(ids[0]).await.unwrap_err().to_string(), OutboxError::NoSuchMessage(ids[0]).to_string());
    }

    async fn what_a_dead_relay_has_left_can_be_discarded(db) {
        db.migrate().await.unwrap();
        let outbox = Outbox::on(db.clone());
        let id = db.transaction(async |tx| tx.outbox("numbers", &1).ordered_by("a").await).await.unwrap();
        record(&db, Some("a"), &[2]).await;
        DB::run(&db, "UPDATE resil_outbox SET alone = 2, due = 0, attempts = 1, behind = 0 WHERE number = 1").await;
        outbox.discard(id).await.unwrap();
        let consumer = Consumer::new();
        relay(&db, &consumer).run_once().await.unwrap();
        assert_eq!(consumer.taken(), ["2"]);
    }

    async fn a_lost_lease_is_told_and_is_no_delivery(db) {
        db.migrate().await.unwrap();
        let mut events = resil::registry().subscribe();
        let consumer = Consumer::new();
        consumer.goes("1", &[Way::Waits]);
        record(&db, Some("a"), &[1]).await;
        let relay = relay(&db, &consumer);
        let overtaken = tokio::spawn(async move { relay.run_once().await });
        consumer.began.notified().await;
        DB::run(&db, "UPDATE resil_outbox SET epoch = epoch + 1").await;
        consumer.gate.notify_one();
        let done = overtaken.await.unwrap().unwrap();
        assert_eq!((done.delivered, done.lost), (0, 1));
        while !matches!(events.next().await, Event::Outbox(OutboxEvent::Lost { topic, .. }) if topic == "numbers") {}
    }

    async fn all_that_was_set_aside_is_redelivered_by_topic_key_and_time(db) {
        db.migrate().await.unwrap();
        let (consumer, outbox) = (Consumer::new(), Outbox::on(db.clone()));
        record(&db, None, &[1, 2]).await;
        record(&db, Some("a"), &[3, 4]).await;
        for payload in ["1", "2", "3"] {
            consumer.goes(payload, &[Way::Permanent; 3]);
        }
        db.transaction(async |tx| tx.outbox("letters", &5).await).await.unwrap();
        consumer.goes("5", &[Way::Permanent; 3]);
        let relay = relay(&db, &consumer);
        assert_eq!(relay.run_once().await.unwrap().set_aside, 4);
        assert_eq!(outbox.redeliver_all(Filter::all().topic("none")).await.unwrap(), 0);
        let past = std::time::SystemTime::UNIX_EPOCH..std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        assert_eq!(outbox.redeliver_all(Filter::all().recorded(past)).await.unwrap(), 0);
        assert_eq!(outbox.redeliver_all(Filter::all().ordered_by("a")).await.unwrap(), 1);
        relay.run_once().await.unwrap();
        assert_eq!(consumer.taken(), ["3", "4"]);
        assert_eq!(outbox.redeliver_all(Filter::all().topic("letters")).await.unwrap(), 1);
        assert_eq!(outbox.redeliver_all(Filter::all()).await.unwrap(), 2);
        assert_eq!(relay.run_once().await.unwrap().delivered, 3);
        assert_eq!(waiting(&db).await, 0);
    }

    async fn a_stop_gives_back_what_it_cuts_off(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        consumer.goes("1", &[Way::Waits, Way::Ok]);
        record(&db, Some("a"), &[1, 2]).await;
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let relay = relay(&db, &consumer).grace(Duration::ZERO);
        let runs = tokio::spawn(relay.run(async move { stopped.notified().await }));
        consumer.began.notified().await;
        stop.notify_one();
        let done = runs.await.unwrap();
        assert_eq!((done.delivered, done.failed, done.lost), (0, 0, 0));
        assert_eq!(DB::number(&db, "SELECT max(attempts + spent + alone + deaths) FROM resil_outbox").await, 0);
        // At once, and as its first attempt.
        assert_eq!(self::relay(&db, &consumer).run_once().await.unwrap().delivered, 2);
        assert_eq!(consumer.asked(), [("1".to_owned(), 1), ("1".to_owned(), 1), ("2".to_owned(), 1)]);
    }

    async fn what_waits_is_seen_by_a_relay_and_told_without_a_question(db) {
        db.migrate().await.unwrap();
        let (consumer, outbox) = (Consumer::new(), Outbox::on(db.clone()));
        assert_eq!(resil::registry().backlogs().outbox, OutboxBacklog::default());
        record(&db, Some("a"), &[1, 2, 3]).await;
        consumer.goes("1", &[Way::Permanent; 3]);
        DB::run(&db, "UPDATE resil_outbox SET recorded = recorded - 3600000 WHERE number = 2").await;
        relay(&db, &consumer).run_once().await.unwrap();
        let (now, health) = looked(relay(&db, &consumer)).await;
        assert_eq!((now.waiting, now.set_aside, now.oldest.unwrap().as_secs() / 60), (2, 1, 60), "two wait behind it");
        assert!(now.seen.is_some() && !health.is_well());
        assert_eq!(health.to_string(), "outbox: 1 set aside");
        outbox.redeliver_all(Filter::all()).await.unwrap();
        relay(&db, &consumer).run_once().await.unwrap();
        let (now, _) = looked(relay(&db, &consumer)).await;
        assert_eq!((now.waiting, now.set_aside, now.oldest), (0, 0, None));
    }

    async fn a_look_at_what_waits_counts_no_more_than_it_may(db) {
        db.migrate().await.unwrap();
        let later = std::time::SystemTime::now() + Duration::from_secs(3600);
        let later = later.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_millis().to_string();
        let many = |first: u32, aside: bool| {
            let due = if aside { "NULL" } else { &*later };
            format!(
                "WITH RECURSIVE numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {first} + 10499)
                INSERT INTO resil_outbox (id, topic, lane, payload, attempts, spent, epoch, due, why, recorded, behind)
                SELECT CAST(n AS TEXT), 'numbers', CAST(n AS TEXT), '1', 0, 0, 0, CAST({due} AS BIGINT), '', 0, 0 FROM numbers"
            )
        };
        let consumer = Consumer::new();
        for (first, aside, told) in [(1, true, (0, 10_000)), (20_001, true, (0, 10_000)), (40_001, false, (10_000, 10_000))] {
            DB::run_text(&db, &many(first, aside)).await;
            let (now, _) = looked(relay(&db, &consumer)).await;
            assert_eq!((now.waiting, now.set_aside), told);
        }
    }
}
