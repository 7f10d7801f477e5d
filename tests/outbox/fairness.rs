//! Nobody waits longer than those who came before, and what waits costs nothing.

use super::*;

on_both_databases! {
    async fn a_message_comes_when_it_is_its_turn_with_a_key_or_without(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        db.transaction(async |tx| {
            for number in 0..1020_u32 {
                tx.outbox("numbers", &number).await?;
            }
            tx.outbox("numbers", &5000).ordered_by("z").await?;
            for number in 1020..2040_u32 {
                tx.outbox("numbers", &number).await?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        // They are not of one moment.
        DB::run(&db, "UPDATE resil_outbox SET due = due - 10000 + number").await;
        relay(&db, &consumer).run_once().await.unwrap();
        let place = consumer.taken().iter().position(|taken| taken == "5000").unwrap();
        assert!((900..1140).contains(&place), "it came as number {place} of 2041");
    }

    async fn a_lane_that_is_always_full_lets_others_have_their_turn(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, Some("busy"), &(0..300).collect::<Vec<_>>()).await;
        record(&db, Some("other"), &[1000, 1001]).await;
        relay(&db, &consumer).concurrency(1).run_once().await.unwrap();
        let taken = consumer.taken();
        assert!(taken[..150].iter().any(|taken| taken == "1001"), "{taken:?}");
        let busy: Vec<u32> = taken.iter().map(|taken| taken.parse().unwrap()).filter(|taken| *taken < 1000).collect();
        assert!(busy.is_sorted() && busy.len() == 300);
    }

    /// The first of a lane waits for an operator, and its topic is another relay's: none of it is read.
    async fn what_is_behind_the_first_of_its_lane_is_not_in_the_way(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, Some("a"), &[0]).await;
        DB::run(&db, "UPDATE resil_outbox SET due = NULL").await;
        db.transaction(async |tx| {
            for number in 1..2500_u32 {
                tx.outbox("numbers", &number).ordered_by("a").await?;
            }
            tx.outbox("numbers", &5000).ordered_by("b").await
        })
        .await
        .unwrap();
        let relay = relay(&db, &consumer);
        while consumer.taken().is_empty() {
            relay.run_once().await.unwrap();
        }
        assert_eq!(consumer.taken(), ["5000"]);
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_outbox WHERE behind = 0").await, 1);
    }

    async fn what_an_older_version_has_recorded_is_delivered_in_order(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        db.transaction(async |tx| {
            for number in 0..1500_u32 {
                tx.outbox("numbers", &number).ordered_by(number % 3).await?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        // It knows of no places.
        DB::run(&db, "UPDATE resil_outbox SET behind = 2").await;
        relay(&db, &consumer).run_once().await.unwrap();
        let taken: Vec<u32> = consumer.taken().iter().map(|taken| taken.parse().unwrap()).collect();
        for key in 0..3 {
            assert!(taken.iter().filter(|taken| *taken % 3 == key).is_sorted());
        }
        assert_eq!(taken.len(), 1500);
    }

    /// What is before a message in its transaction is known, unless it was undone.
    async fn a_message_after_one_that_was_undone_is_the_first_of_its_lane(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        db.transaction(async |tx| {
            let undone = tx.savepoint(async |tx| {
                tx.outbox("numbers", &0).ordered_by("a").await?;
                Err::<(), Error>(Error::MissingKey { method: "POST" })
            });
            undone.await.unwrap_err();
            tx.outbox("numbers", &1).ordered_by("a").await?;
            DB::write(tx, "SAVEPOINT by_hand").await.unwrap();
            tx.outbox("numbers", &2).ordered_by("b").await?;
            DB::write(tx, "ROLLBACK TO SAVEPOINT by_hand").await.unwrap();
            for number in 3..6 {
                tx.outbox("numbers", &number).ordered_by("b").await?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_outbox WHERE behind = 1").await, 2, "4 and 5");
        relay(&db, &consumer).concurrency(1).run_once().await.unwrap();
        assert_eq!(consumer.taken(), ["1", "3", "4", "5"]);
    }

    async fn whoever_deletes_the_first_of_a_lane_by_hand_holds_up_the_rest_for_a_minute(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, Some("a"), &[0, 1, 2]).await;
        consumer.goes("0", &[Way::Permanent; 3]);
        relay(&db, &consumer).run_once().await.unwrap();
        DB::run(&db, "DELETE FROM resil_outbox WHERE payload = '0'").await;
        let stop = Notify::new();
        tokio::join!(relay(&db, &consumer).run(async { stop.notified().await }), async {
            until(|| consumer.taken() == ["1", "2"]).await;
            stop.notify_one();
        });
    }
}

/// How many rows and entries of indexes were read so far.
async fn read_so_far(db: &Db<Postgres>) -> i64 {
    Postgres::run(db, "SELECT pg_stat_force_next_flush()").await;
    Postgres::run(db, "SELECT pg_stat_clear_snapshot()").await;
    let read = "
        SELECT CAST((SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = current_schema())
            + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = current_schema()) AS BIGINT)";
    Postgres::number(db, read).await
}

/// Messages of other services that are due, what waits for its time, and what waits behind others.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn on_postgres_a_look_reads_what_is_due_and_not_what_waits() {
    support::postgres(async |db: Db<Postgres>| {
        db.migrate().await.unwrap();
        // One connection, which can be asked for what it has counted.
        let db = Db::new(support::postgres_pool_of(&db, 1).await);
        db.transaction(async |tx| {
            tx.outbox("numbers", &0).ordered_by("a").await?;
            for number in 0..5_000_u32 {
                tx.outbox("other", &number).await?;
                tx.outbox("numbers", &number).await?;
                tx.outbox("numbers", &number).ordered_by("a").await?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        Postgres::run(&db, "UPDATE resil_outbox SET due = due + 3600000 WHERE topic = 'numbers'").await;
        let numbers = || Outbox::on(db.clone()).relay().on("numbers", |_| std::future::ready(Ok::<_, Error>(())));
        assert_eq!(numbers().run_once().await.unwrap().delivered, 0);
        let looks = async |relay: Relay<Postgres>, vacuum: &'static str| {
            // What was there before is in the indexes until nobody on the server can see it any more, other tests included;
            // and what was done earlier may be counted late.
            let reads_little = async {
                loop {
                    Postgres::run(&db, vacuum).await;
                    let before = read_so_far(&db).await;
                    assert_eq!(relay.run_once().await.unwrap().delivered, 0);
                    if read_so_far(&db).await - before < 100 {
                        return;
                    }
                }
            };
            let read = tokio::time::timeout(Duration::from_secs(60), reads_little).await;
            assert!(read.is_ok(), "a look reads what is not due");
        };
        // Without statistics and with them.
        for vacuum in ["VACUUM resil_outbox", "VACUUM ANALYZE resil_outbox"] {
            looks(numbers(), vacuum).await;
        }
        Postgres::run(&db, "UPDATE resil_outbox SET due = due + 3600000 WHERE topic = 'other'").await;
        let any = Outbox::on(db.clone()).relay().any(|_| std::future::ready(Ok::<_, Error>(())));
        looks(any, "VACUUM ANALYZE resil_outbox").await;
    })
    .await;
}
