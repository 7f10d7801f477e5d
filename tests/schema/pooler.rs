//! Behind `PgBouncer` in transaction mode: each transaction has another connection, and nothing that stands by itself is sure to.

use super::*;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::str::FromStr as _;

/// The same database as this, behind the pooler and without it.
async fn pooled(direct: &PgConnectOptions, connections: u32) -> PgPool {
    let Ok(url) = std::env::var("RESIL_TEST_PGBOUNCER_URL") else {
        panic!("set RESIL_TEST_PGBOUNCER_URL, or leave out --include-ignored");
    };
    let options = PgConnectOptions::from_str(&url).unwrap().database(direct.get_database().unwrap());
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(120));
    pool.connect_with(options.statement_cache_capacity(0)).await.unwrap()
}

/// `body` with databases that share few connections.
async fn behind_pgbouncer(test: impl AsyncFnOnce([Db<Postgres>; 2])) {
    support::postgres_database(async |options| {
        let pools = [pooled(&options, 20).await, pooled(&options, 20).await];
        test(pools.clone().map(|pool| Db::new(pool).behind_pooler())).await;
        for pool in pools {
            pool.close().await;
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_PGBOUNCER_URL"]
async fn who_was_not_told_of_it_is_told_what_to_write() {
    let _scope = resil::testing::isolated();
    support::postgres_database(async |options| {
        let pools = [pooled(&options, 1).await, pooled(&options, 1).await];
        let [one, other] = pools.clone().map(Db::new);
        // Both call a statement the same, and have the same connection.
        assert!(problem(one.ready().await).ends_with(MIGRATE));
        assert!(problem(other.ready().await).ends_with("write `Db::new(pool).behind_pooler()`"));
        for pool in pools {
            pool.close().await;
        }
    })
    .await;
}

async fn make_orders(db: &Db<Postgres>) {
    db.migrate().await.unwrap();
    Postgres::run(db, ORDERS).await;
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_PGBOUNCER_URL"]
async fn tables_are_made_once_by_whoever_comes() {
    let _scope = resil::testing::isolated();
    behind_pgbouncer(async |[one, other]| {
        let all = [&one, &other, &one, &other].map(|db| {
            tokio::spawn({
                let db = db.clone();
                async move { db.migrate().await }
            })
        });
        for migrated in all {
            migrated.await.unwrap().unwrap();
        }
        other.ready().await.unwrap();
        Postgres::run(&one, ORDERS).await;
        a_service_works(&other, "").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_PGBOUNCER_URL"]
async fn a_service_works_in_a_schema_of_choice() {
    let _scope = resil::testing::isolated();
    behind_pgbouncer(async |[one, other]| {
        let one = one.in_schema("resil").unwrap();
        make_orders(&one).await;
        a_service_works(&one, "resil.").await;
        assert!(problem(other.ready().await).ends_with(MIGRATE), "it looks elsewhere");
    })
    .await;
}

/// Requests, payments and messages of two processes at once, on fewer connections than there are transactions.
#[tokio::test]
#[ignore = "needs RESIL_TEST_PGBOUNCER_URL"]
async fn many_at_once_do_not_get_into_the_way_of_each_other() {
    let _scope = resil::testing::isolated();
    behind_pgbouncer(async |dbs| {
        make_orders(&dbs[0]).await;
        let delivered = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(tokio::sync::Semaphore::new(0));
        let bank = Arc::new(Bank::default());
        let mut ledgers = Vec::new();
        let mut workers = Vec::new();
        for db in &dbs {
            let relay = Outbox::on(db.clone()).relay().poll(Duration::from_millis(5)).on("order.placed", {
                let delivered = Arc::clone(&delivered);
                move |message: Message| {
                    let delivered = Arc::clone(&delivered);
                    async move {
                        delivered.lock().unwrap().push(message.decode::<(u64, u64)>()?);
                        Ok::<_, Failed>(())
                    }
                }
            });
            let stopped = Arc::clone(&stop);
            let relay = relay.run(async move { stopped.acquire().await.unwrap().forget() });
            workers.push(tokio::spawn(async move { assert_eq!(relay.await.lost, 0) }));
            let ledger = Ledger::on(db.clone()).operation::<pay>().partial().provide(Arc::clone(&bank));
            let ledger = ledger.open().await.unwrap();
            let stopped = Arc::clone(&stop);
            let reconciler = ledger.reconciler().poll(Duration::from_millis(5));
            let reconciler = reconciler.run(async move { stopped.acquire().await.unwrap().forget() });
            workers.push(tokio::spawn(async move { assert_eq!(reconciler.await.failed, 0) }));
            ledgers.push(ledger);
        }
        let orders: Vec<_> = (0..120_u64)
            .map(|request| {
                let db = dbs[usize::try_from(request % 2).unwrap()].clone();
                // Each comes three times.
                let number = request / 3;
                tokio::spawn(async move {
                    let once = Once::of("order.place", IdempotencyKey::derived("order", number))
                        .max_wait(Duration::from_secs(60));
                    let placed = db.once(once, async |tx| {
                        Postgres::count(tx).await?;
                        pay::record(tx, number).await?;
                        tx.outbox("order.placed", &(number % 4, number)).ordered_by(format!("{}", number % 4)).await?;
                        Ok::<_, Failed>(number)
                    });
                    assert_eq!(placed.await.unwrap(), number);
                })
            })
            .collect();
        for order in orders {
            order.await.unwrap();
        }
        Postgres::run(&dbs[0], "UPDATE resil_intents SET due = 1 WHERE due IS NOT NULL").await;
        let is_done = async || {
            let counted = ledgers[0].count().await.unwrap();
            counted == [("pay".to_owned(), 1, Some(State::Applied), 40)] && delivered.lock().unwrap().len() >= 40
        };
        while !is_done().await {
            tokio::task::yield_now().await;
        }
        stop.add_permits(workers.len());
        for worker in workers {
            worker.await.unwrap();
        }
        assert_eq!(bank.0.load(Ordering::Relaxed), 40, "nobody was paid twice");
        let mut all = std::mem::take(&mut *delivered.lock().unwrap());
        all.sort_unstable();
        let expected: Vec<_> = (0..4).flat_map(|lane| (0..10).map(move |number| (lane, lane + 4 * number))).collect();
        assert_eq!(all, expected, "each once");
        // One row for the order, one for its payment.
        assert_eq!(Postgres::text(&dbs[1], "SELECT count(*)::text FROM orders").await, "80");
    })
    .await;
}
