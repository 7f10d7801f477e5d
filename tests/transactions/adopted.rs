//! Transactions that were begun by hand.

use super::*;
use crate::on_both_databases;
use resil::outbox::Outbox;
use resil::outside_transaction;

#[outside_transaction]
async fn calls_out() -> Result<(), Error> {
    Ok(())
}

#[transactional(tx)]
async fn calls_inside<DB: Backend>(
    tx: &mut Tx<DB>,
    call: impl Future<Output = Result<(), Error>>,
) -> Result<(), Error> {
    call.await
}

on_both_databases! {
    /// As before, with one message more.
    async fn its_statements_and_a_message_are_one(db) {
        db.migrate().await.unwrap();
        DB::create(&db).await;
        let pool = db.pool().unwrap().clone();
        let outbox = Outbox::on(db.clone());

        let mut tx = db.adopt(pool.begin().await.unwrap()).await.unwrap();
        sqlx::query("INSERT INTO book VALUES (1)").execute(&mut *tx).await.unwrap();
        tx.outbox("numbers", &1).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((DB::numbers(&db).await, outbox.backlog().await.unwrap().waiting), (vec![1], 1));

        for rolls_back in [true, false] {
            let mut tx = db.adopt(pool.begin().await.unwrap()).await.unwrap();
            sqlx::query("INSERT INTO book VALUES (2)").execute(&mut *tx).await.unwrap();
            tx.outbox("numbers", &2).await.unwrap();
            if rolls_back { tx.roll_back().await } else { drop(tx) }
            assert_eq!((DB::numbers(&db).await, outbox.backlog().await.unwrap().waiting), (vec![1], 1));
        }

        let mut tx = db.adopt(pool.begin().await.unwrap()).await.unwrap();
        tx.outbox("numbers", &3).await.unwrap();
        let mut by_hand = tx.into_inner().unwrap();
        sqlx::query("INSERT INTO book VALUES (3)").execute(&mut *by_hand).await.unwrap();
        by_hand.commit().await.unwrap();
        assert_eq!((DB::numbers(&db).await, outbox.backlog().await.unwrap().waiting), (vec![1, 3], 2));
        assert_eq!(DB::open_in_pool(&db).await, 0);
    }

    async fn what_a_transaction_of_ours_notices_it_notices_too(db) {
        DB::create(&db).await;
        let pool = db.pool().unwrap().clone();
        let mut tx = db.adopt(pool.begin().await.unwrap()).await.unwrap();
        DB::add(&mut tx, 1).await.unwrap();
        sqlx::raw_sql("COMMIT").execute(&mut *tx).await.unwrap();
        let Error::Transaction(error) = tx.commit().await.unwrap_err() else { unreachable!() };
        assert_eq!((error.step, error.verdict().effect), (Step::Ended, Effect::Unknown));

        let mut tx = db.adopt(pool.begin().await.unwrap()).await.unwrap();
        sqlx::raw_sql("ROLLBACK; BEGIN").execute(&mut *tx).await.unwrap();
        DB::add(&mut tx, 7).await.unwrap();
        let Error::Transaction(error) = tx.commit().await.unwrap_err() else { unreachable!() };
        assert_eq!((error.step, error.verdict().effect), (Step::Ended, Effect::Unknown));

        if <DB as sqlx::Database>::NAME == "PostgreSQL" {
            let mut failed = pool.begin().await.unwrap();
            sqlx::raw_sql("nonsense").execute(&mut *failed).await.unwrap_err();
            let Error::Transaction(error) = db.adopt(failed).await.unwrap_err() else { unreachable!() };
            assert_eq!((error.step, error.verdict().effect), (Step::Begin, Effect::None));
        }

        let mut tx = db.adopt(pool.begin().await.unwrap()).await.unwrap();
        let part = tx.savepoint(async |tx| {
            DB::add(tx, 2).await?;
            Err::<(), _>(Failed::Refused)
        });
        assert!(part.await.is_err());
        DB::add(&mut tx, 3).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(DB::numbers(&db).await, [1, 3]);

        let mut tx = db.adopt(pool.begin().await.unwrap()).await.unwrap();
        let (tells, told) = tokio::sync::oneshot::channel();
        let half = tx.savepoint(async |_tx| {
            _ = tells.send(());
            std::future::pending::<Result<(), Failed>>().await
        });
        tokio::select! {
            _ = half => unreachable!("it waits for ever"),
            _ = told => {}
        }
        assert!(tx.into_inner().is_err(), "nobody knows what it would commit");
        assert_eq!(DB::open_in_pool(&db).await, 0);
    }

    /// Where it is handed to, and in a part of its own.
    async fn the_guard_holds_inside_and_what_is_left_for_afterwards_waits(db) {
        db.migrate().await.unwrap();
        let pool = db.pool().unwrap().clone();
        let mut tx = db.adopt(pool.begin().await.unwrap()).await.unwrap();
        // Behind a box, where types do not see it.
        let call = || -> std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> { Box::pin(calls_out()) };
        assert!(matches!(calls_inside(&mut tx, call()).await, Err(Error::InsideTransaction { .. })));
        let refused: Result<(), Error> = tx.savepoint(async |_tx| call().await).await;
        assert!(matches!(refused, Err(Error::InsideTransaction { .. })));

        let (tells, told) = tokio::sync::oneshot::channel();
        let left: Result<(), Error> = tx
            .savepoint(async |_tx| {
                resil::after(async move { _ = tells.send(()) });
                Ok(())
            })
            .await;
        left.unwrap();
        tx.commit().await.unwrap();
        told.await.unwrap();
    }

    /// Long before the next poll.
    async fn its_commit_wakes_the_relay(db) {
        db.migrate().await.unwrap();
        let (tells, mut told) = tokio::sync::mpsc::unbounded_channel();
        let relay = Outbox::on(db.clone()).relay().poll(Duration::from_hours(12)).any(move |message| {
            _ = tells.send(message.topic);
            async { Ok::<_, Error>(()) }
        });
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let relay = tokio::spawn(relay.run(async move { _ = stopped.await }));
        let pool = db.pool().unwrap().clone();
        for topic in ["first", "second"] {
            let mut tx = db.adopt(pool.begin().await.unwrap()).await.unwrap();
            tx.outbox(topic, &1).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(told.recv().await.unwrap(), topic);
        }
        stop.send(()).unwrap();
        relay.await.unwrap();
    }
}
