//! What only PostgreSQL brings: answers that are lost, and waiting.

use super::*;

/// With `once` even a commit without an answer may be repeated: if it was done, its outcome is there.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_commit_without_an_answer_is_repeated_and_runs_once() {
    for (lost, runs) in [(Lost::Commit, 2), (Lost::Answer, 1)] {
        support::postgres(async |db| {
            Postgres::create(&db).await;
            let shop = Shop { db: lossy::through(lost, 1, &db).await, runs: AtomicU32::new(0) };
            assert_eq!(shop.place("r-1", "tea", 1.0).await.unwrap().number, 1);
            assert_eq!((shop.runs(), Postgres::count(&db).await), (runs, 1));
        })
        .await;
    }
}

/// The first holds its ID for longer than the second may wait.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn who_waits_too_long_for_the_first_is_told_that_it_runs() {
    support::postgres(async |db| {
        Postgres::create(&db).await;
        let once = || Once::of("order.place", key("r-1")).max_wait(Duration::from_millis(50));
        let first = db.once(once(), async |_tx| {
            let impatient = db.clone();
            let second = async move { impatient.once(once(), async |_tx| Ok::<_, Failed>(7)).await.unwrap_err() };
            let error = tokio::spawn(second).await.unwrap();
            assert_eq!(problem(&error), &OnceProblem::Running);
            assert_eq!((error.verdict().kind, error.verdict().effect), (Kind::Transient, Effect::None));
            Ok::<_, Failed>(1)
        });
        assert_eq!(first.await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn the_body_has_the_users_own_bound_on_locks() {
    support::postgres(async |db| {
        Postgres::create(&db).await;
        for bound in ["0", "20ms", "99ms", "1500ms", "5s", "1min"] {
            let options = (*db.pool().unwrap().connect_options()).clone().options([("lock_timeout", bound)]);
            let bounded = Db::new(sqlx::PgPool::connect_with(options).await.unwrap());
            let once = Once::of("order.place", key(bound));
            let inside = bounded.once(once, async |tx| {
                Ok::<String, Failed>(sqlx::query_scalar("SHOW lock_timeout").fetch_one(&mut *tx).await?)
            });
            assert_eq!(inside.await.unwrap(), bound);
        }
    })
    .await;
}

/// In one process nobody writes beside the first, so there is nothing to serialize.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn duplicates_fail_for_nobody_at_a_strict_level() {
    for isolation in ["repeatable read", "serializable"] {
        support::postgres(async |db| {
            Postgres::create(&db).await;
            let options = (*db.pool().unwrap().connect_options()).clone();
            let options = options.options([("default_transaction_isolation", isolation)]);
            let strict = Db::new(sqlx::PgPool::connect_with(options).await.unwrap());
            let once = async || {
                let once = Once::of("order.place", key("r-1"));
                strict.once(once, async |tx| Ok::<_, Failed>(Postgres::add(tx, "tea").await?)).await.unwrap()
            };
            let all = futures_util::future::join_all((0..20).map(|_| once())).await;
            assert!(all.iter().all(|number| *number == 1), "{all:?}");
            assert_eq!(once().await, 1);
        })
        .await;
    }
}

/// There a claim may wait for the first of another process, and then not see that it has committed.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_duplicate_in_another_process_is_answered_at_a_strict_level() {
    for isolation in ["repeatable read", "serializable"] {
        support::postgres(async |db| {
            Postgres::create(&db).await;
            let name = format!("second, {isolation}");
            let process = async |name: &str| {
                let options = (*db.pool().unwrap().connect_options()).clone().application_name(name);
                // Longer than it would wait by itself, so that the first ends meanwhile.
                let settings = [("default_transaction_isolation", isolation), ("lock_timeout", "99ms")];
                Db::new(sqlx::PgPool::connect_with(options.options(settings)).await.unwrap())
            };
            let (here, other) = (process("first").await, process(&name).await);
            let (running, release) = duplicates::slow(&here).await;
            let second = tokio::spawn(async move {
                let once = Once::of("order.place", key("r-1"));
                other.once(once, async |_tx| Ok::<_, Failed>(2)).await.map_err(|error| error.to_string())
            });
            let waits =
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'";
            let waits =
                async || sqlx::query_scalar::<_, i64>(waits).bind(&name).fetch_one(db.pool().unwrap()).await.unwrap();
            while waits().await == 0 {}
            release.send(true).unwrap();
            assert_eq!(running.await.unwrap().unwrap(), 1);
            assert_eq!(second.await.unwrap(), Ok(1));
        })
        .await;
    }
}

/// The first claim of each process sweeps, and what it finds may be gone since.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn processes_that_sweep_at_once_fail_for_nobody_at_a_strict_level() {
    support::postgres(async |db| {
        Postgres::create(&db).await;
        let options = (*db.pool().unwrap().connect_options()).clone();
        let options = options.options([("default_transaction_isolation", "repeatable read")]);
        let pool = sqlx::PgPool::connect_with(options).await.unwrap();
        for round in 0..10 {
            sqlx::raw_sql("DELETE FROM resil_once").execute(db.pool().unwrap()).await.unwrap();
            Postgres::old_ones(&db, 200).await;
            let all = (0..8).map(|number| {
                let process = Db::new(pool.clone());
                async move {
                    let once = Once::of("order.place", key(format!("{round}.{number}")));
                    process.once(once, async |_tx| Ok::<_, Failed>(number)).await.map_err(|error| error.to_string())
                }
            });
            for (number, outcome) in futures_util::future::join_all(all).await.into_iter().enumerate() {
                assert_eq!(outcome, Ok(i32::try_from(number).unwrap()));
            }
        }
    })
    .await;
}

/// Sweeping looks into the index and not at what is kept.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn expired_entries_are_found_without_reading_the_others() {
    support::postgres(async |db| {
        Postgres::create(&db).await;
        let many = "
            INSERT INTO resil_once (op, id, fingerprint, expires)
            SELECT 'order.place', n::text, '', 9999999999999 FROM generate_series(1, 50000) n";
        sqlx::raw_sql(many).execute(db.pool().unwrap()).await.unwrap();
        sqlx::raw_sql("ANALYZE resil_once").execute(db.pool().unwrap()).await.unwrap();
        // The first claim of a process sweeps.
        let read = "
            SELECT (idx_tup_fetch + seq_tup_read)::bigint FROM pg_stat_xact_user_tables
            WHERE schemaname = current_schema() AND relname = 'resil_once'";
        let read = db.once(Once::of("order.place", key("first")), async |tx| {
            Ok::<i64, Failed>(sqlx::query_scalar(read).fetch_one(&mut *tx).await?)
        });
        let read = read.await.unwrap();
        assert!(read < 100, "{read} rows were read");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn migrations_at_once_work_in_every_isolation_level() {
    for isolation in ["repeatable read", "serializable"] {
        support::postgres(async |db| {
            let options = (*db.pool().unwrap().connect_options()).clone();
            let options = options.options([("default_transaction_isolation", isolation)]);
            let strict = Db::new(sqlx::PgPool::connect_with(options).await.unwrap());
            let all: Vec<_> = (0..8)
                .map(|_| {
                    let strict = strict.clone();
                    tokio::spawn(async move { strict.migrate().await })
                })
                .collect();
            for one in all {
                one.await.unwrap().unwrap();
            }
        })
        .await;
    }
}
