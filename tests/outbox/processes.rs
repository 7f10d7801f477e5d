//! More than one process at a PostgreSQL, and one that is set to be strict.

use super::*;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::str::FromStr as _;

/// Another pool on the same schema, as another process has it.
async fn beside(db: &Db<Postgres>, options: &[(&str, &str)]) -> Db<Postgres> {
    let schema: String = sqlx::query_scalar("SELECT current_schema()").fetch_one(db.pool().unwrap()).await.unwrap();
    let url = std::env::var("RESIL_TEST_POSTGRES_URL").unwrap();
    let mut all = vec![("search_path", schema.as_str())];
    all.extend(options);
    let options = PgConnectOptions::from_str(&url).unwrap().options(all);
    Db::new(PgPoolOptions::new().max_connections(5).connect_with(options).await.unwrap())
}

/// Until a relay listens.
async fn is_listening(db: &Db<Postgres>) {
    let listens = "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN \"resil_outbox\"' AND state = 'idle'";
    while Postgres::number(db, listens).await == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_commit_wakes_the_relay_of_another_process() {
    support::postgres(async |db: Db<Postgres>| {
        db.migrate().await.unwrap();
        let (consumer, stop) = (Consumer::new(), Arc::new(Notify::new()));
        let stopped = Arc::clone(&stop);
        let other = beside(&db, &[]).await;
        let relay = relay(&other, &consumer).poll(Duration::MAX);
        let relay = tokio::spawn(relay.run(async move { stopped.notified().await }));
        is_listening(&db).await;
        for number in 1..=3 {
            record(&db, Some("a"), &[number]).await;
            let number = usize::try_from(number).unwrap();
            until(|| consumer.taken().len() == number).await;
        }
        // Nobody is told inside of the user's transaction, which would take turns with all others.
        let told = db.transaction(async |tx| {
            tx.outbox("numbers", &4).await?;
            let held = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'object'";
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
                sqlx::query_scalar::<_, i64>(held).fetch_one(&mut *tx).await?,
            )
        });
        assert_eq!(told.await.unwrap(), 0);
        until(|| consumer.taken().len() == 4).await;
        stop.notify_one();
        assert_eq!(relay.await.unwrap().delivered, 4);
        other.pool().unwrap().close().await;
    })
    .await;
}

/// Nothing listens then, and the relay polls.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn behind_a_pooler_the_relay_polls() {
    support::postgres(async |db: Db<Postgres>| {
        db.migrate().await.unwrap();
        let db = db.notify(false);
        let (consumer, stop) = (Consumer::new(), Arc::new(Notify::new()));
        let stopped = Arc::clone(&stop);
        let other = beside(&db, &[("application_name", "polls")]).await.notify(false);
        let relay = relay(&other, &consumer).poll(Duration::from_millis(2));
        let relay = tokio::spawn(relay.run(async move { stopped.notified().await }));
        record(&db, None, &[1, 2, 3]).await;
        until(|| consumer.taken().len() == 3).await;
        let listens = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'polls' AND query LIKE 'LISTEN%'";
        assert_eq!(Postgres::number(&db, listens).await, 0);
        stop.notify_one();
        relay.await.unwrap();
        other.pool().unwrap().close().await;
    })
    .await;
}

/// Producers and three relays at once; every default is the strictest.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn where_transactions_are_serializable_none_fails_for_a_relay() {
    for level in ["serializable", "repeatable read"] {
        support::postgres(async |db: Db<Postgres>| {
            db.migrate().await.unwrap();
            let strict = beside(&db, &[("default_transaction_isolation", level)]).await;
            let (consumer, stop) = (Consumer::new(), tokio_stop());
            let relays: Vec<_> = (0..3)
                .map(|_| {
                    let relay = relay(&strict, &consumer).poll(Duration::from_millis(2));
                    tokio::spawn(relay.run(stop.clone().stopped()))
                })
                .collect();
            for number in 0..200_u32 {
                for key in [None, Some("a"), Some("b"), Some("c")] {
                    let recorded = strict.transaction(async |tx| {
                        let recording = tx.outbox("numbers", &number);
                        match key {
                            Some(key) => recording.ordered_by(key).await,
                            None => recording.await,
                        }
                    });
                    recorded.await.expect("no relay is in the way");
                }
            }
            until(|| consumer.taken().len() >= 800).await;
            while waiting(&db).await > 0 {
                tokio::task::yield_now().await;
            }
            stop.stop();
            let mut failed = 0;
            for relay in relays {
                failed += relay.await.unwrap().failed;
            }
            assert_eq!((failed, consumer.taken().len()), (0, 800), "{level}");
            strict.pool().unwrap().close().await;
        })
        .await;
    }
}

#[derive(Clone)]
struct Stop(Arc<tokio::sync::watch::Sender<bool>>);

fn tokio_stop() -> Stop {
    Stop(Arc::new(tokio::sync::watch::Sender::new(false)))
}

impl Stop {
    async fn stopped(self) {
        _ = self.0.subscribe().wait_for(|is_stopped| *is_stopped).await;
    }

    fn stop(&self) {
        self.0.send_replace(true);
    }
}
