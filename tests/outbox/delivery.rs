//! What is committed is delivered, in its order.

use super::*;

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
        let relay = Outbox::on(db.clone()).relay().any(move |message: Message| {
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
            assert_eq!((refused.to_string().as_str(), refused.verdict()), (expected, Verdict::caller().ours()));
        }
        let map = HashMap::from([((1, 2), 3)]);
        let refused = db.transaction(async |tx| tx.outbox("topic", &map).await).await.unwrap_err();
        assert_eq!(refused.to_string(), "the event for `topic` cannot be stored, it has no JSON form: not recorded");
        assert_eq!(waiting(&db).await, 0);
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

    async fn a_consumer_that_uses_once_has_one_effect(db) {
        db.migrate().await.unwrap();
        DB::run(&db, "CREATE TABLE parcels (number BIGINT)").await;
        record(&db, None, &[1]).await;
        let fails = Arc::new(Mutex::new(3));
        let consumer = db.clone();
        let relay = Outbox::on(db.clone()).relay().any(move |message: Message| {
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
