//! What is too large, too many, or no number.

use super::*;

#[derive(serde::Serialize)]
struct Priced {
    won: f64,
    rates: Vec<Option<f32>>,
}

on_both_databases! {
    async fn what_json_has_no_number_for_is_refused(db) {
        db.migrate().await.unwrap();
        for event in [Priced { won: f64::NAN, rates: vec![] }, Priced { won: 1.0, rates: vec![None, Some(f32::INFINITY)] }] {
            let refused = db.transaction(async |tx| tx.outbox("price", &event).await).await.unwrap_err();
            assert_eq!(refused.to_string(), "the event for `price` cannot be stored, it has a number that is not finite: not recorded");
        }
        db.transaction(async |tx| tx.outbox("price", &Priced { won: 1.5, rates: vec![None] }).await).await.unwrap();
        assert_eq!(waiting(&db).await, 1);
    }

    async fn a_payload_is_bounded(db) {
        db.migrate().await.unwrap();
        let large = "x".repeat((1 << 20) - 1);
        let refused = db.transaction(async |tx| tx.outbox("letters", &large).await).await.unwrap_err();
        let expected = "the event for `letters` has 1048577 bytes, 1048576 are allowed: not recorded";
        assert_eq!((refused.to_string().as_str(), refused.verdict()), (expected, Verdict::caller().ours()));
        db.transaction(async |tx| tx.outbox("letters", &large[1..]).await).await.unwrap();
        db.transaction(async |tx| tx.outbox("letters", &large).max_payload(2 << 20).await).await.unwrap();
        db.transaction(async |tx| tx.outbox("letters", "x").max_payload(2).await).await.unwrap_err();
        assert_eq!(waiting(&db).await, 2);
    }

    /// Of messages of 100 bytes and more a relay that may read 1,000 has ten at once; one that is larger comes alone.
    async fn a_relay_reads_so_many_bytes_at_once(db) {
        db.migrate().await.unwrap();
        let event = "x".repeat(98);
        db.transaction(async |tx| {
            for number in 0..40 {
                tx.outbox("letters", &event).await?;
                tx.outbox("letters", &event).ordered_by(number % 4).await?;
            }
            tx.outbox("letters", &event.repeat(30)).await
        })
        .await
        .unwrap();
        let (bytes, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (now, seen) = (Arc::clone(&bytes), Arc::clone(&most));
        let relay = Outbox::on(db.clone()).relay().any(move |message: Message| {
            let (now, seen) = (Arc::clone(&now), Arc::clone(&seen));
            async move {
                let length = u32::try_from(message.payload.len()).unwrap();
                let all = now.fetch_add(length, Ordering::Relaxed) + length;
                if length == 100 {
                    seen.fetch_max(all, Ordering::Relaxed);
                }
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(length, Ordering::Relaxed);
                Ok::<_, Error>(())
            }
        });
        let done = relay.memory(1000).concurrency(64).run_once().await.unwrap();
        assert_eq!(done.delivered, 81);
        let most = most.load(Ordering::Relaxed);
        assert!((200..=1000).contains(&most), "{most}");
    }
}

/// Each key takes one of PostgreSQL's locks.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn on_postgres_a_transaction_has_so_many_keys() {
    support::postgres(async |db: Db<Postgres>| {
        db.migrate().await.unwrap();
        let recorded: Result<(), Error> = db
            .transaction(async |tx| {
                for number in 0..30_000 {
                    tx.outbox("numbers", &number).ordered_by(number % 1000).await?;
                    if number % 1000 == 999 {
                        tx.outbox("numbers", &number).await?;
                    }
                }
                let refused = tx.outbox("numbers", &1).ordered_by("one more").await.unwrap_err();
                let expected = "one transaction may have messages of 1000 ordering keys: this one was not recorded";
                assert_eq!(refused.to_string(), expected);
                Ok(())
            })
            .await;
        recorded.unwrap();
        let refused = db
            .transaction(async |tx| {
                for number in 0..30_000 {
                    tx.outbox("numbers", &number).ordered_by(number).await?;
                }
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(refused, Err(Error::Outbox(_))));
        assert_eq!(waiting(&db).await, 30_030, "that transaction rolled back, and the other did not");
    })
    .await;
}

/// SQLite has no such locks.
#[tokio::test]
async fn on_sqlite_a_transaction_has_as_many_keys_as_it_likes() {
    support::sqlite(async |db: Db<Sqlite>| {
        db.migrate().await.unwrap();
        let recorded: Result<(), Error> = db
            .transaction(async |tx| {
                for number in 0..5_000 {
                    tx.outbox("numbers", &number).ordered_by(number).await?;
                }
                Ok(())
            })
            .await;
        recorded.unwrap();
        assert_eq!(waiting(&db).await, 5_000);
    })
    .await;
}
