//! What only PostgreSQL brings.

use super::*;

use support::lossy::{self, Lost};

#[transactional(tx = db)]
async fn swap(db: &Db<Postgres>, from: i64, meet: &tokio::sync::Barrier, attempts: &AtomicU32) -> Result<(), Failed> {
    sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").execute(&mut *tx).await?;
    let sum: Option<i64> = sqlx::query_scalar("SELECT sum(number)::bigint FROM book").fetch_one(&mut *tx).await?;
    if attempts.fetch_add(1, Ordering::Relaxed) < 2 {
        meet.wait().await;
    }
    Postgres::add(tx, from + sum.unwrap_or(0)).await?;
    Ok(())
}

#[retry(unsent, base = "0ms", attempts = 5)]
async fn swapped(
    db: &Db<Postgres>,
    from: i64,
    meet: &tokio::sync::Barrier,
    attempts: &AtomicU32,
) -> Result<(), Failed> {
    swap(db, from, meet, attempts).await
}

/// Two transactions that each read what the other writes: one of them cannot be serialized, and is repeated.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_serialization_failure_is_repeated_until_it_succeeds() {
    support::postgres(async |db| {
        Postgres::create(&db).await;
        let (meet, attempts) = (tokio::sync::Barrier::new(2), AtomicU32::new(0));
        let (one, other) = tokio::join!(swapped(&db, 1, &meet, &attempts), swapped(&db, 100, &meet, &attempts));
        one.unwrap();
        other.unwrap();
        assert!(attempts.load(Ordering::Relaxed) > 2, "one had to be repeated");
        let numbers = Postgres::numbers(&db).await;
        assert!(numbers == [1, 101] || numbers == [100, 101], "as if one came after the other: {numbers:?}");
    })
    .await;
}

/// Whoever loses the answer to a COMMIT cannot know, and is told so.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_lost_commit_and_a_lost_answer_are_both_unknown() {
    support::postgres(async |db| {
        Postgres::create(&db).await;
        for (number, lost) in [(1, Lost::Commit), (2, Lost::Answer)] {
            let lossy = lossy::through(lost, u32::MAX, &db).await;
            let outcome = lossy.transaction(async |tx| Ok::<_, Failed>(Postgres::add(tx, number).await?));
            let error = outcome.await.unwrap_err();
            assert_eq!((error.step(), error.verdict().effect), (Some(Step::Commit), Effect::Unknown), "{error:?}");
            let Failed::Policy(error) = error else { unreachable!() };
            assert!(
                error
                    .to_string()
                    .starts_with("the commit has no clear answer, its outcome is unknown: the transaction"),
                "{error}"
            );
        }
        assert_eq!(Postgres::numbers(&db).await, [2]);
    })
    .await;
}

/// A deferred constraint speaks at the COMMIT, and what it refuses was not done.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn what_the_database_refuses_at_the_commit_was_not_done() {
    support::postgres(async |db| {
        Postgres::create(&db).await;
        let trigger = "
            CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'no'; END $$ LANGUAGE plpgsql;
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON book DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse()";
        sqlx::raw_sql(trigger).execute(db.pool().unwrap()).await.unwrap();
        let outcome = db.transaction(async |tx| Ok::<_, Failed>(Postgres::add(tx, 1).await?));
        let error = outcome.await.unwrap_err();
        assert_eq!((error.step(), error.verdict()), (Some(Step::Commit), resil::Verdict::permanent().unsent().ours()));
        let Failed::Policy(error) = error else { unreachable!() };
        assert!(error.to_string().starts_with("the commit was refused and rolled back"), "{error}");
    })
    .await;
}

/// `40003` is the one code of its class after which something may have been done; what a standby refuses passes.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_code_that_does_not_know_is_unknown_and_a_standby_passes() {
    support::postgres(async |db| {
        Postgres::create(&db).await;
        let trigger = "
            CREATE FUNCTION forget() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40003'; END $$
                LANGUAGE plpgsql;
            CREATE CONSTRAINT TRIGGER forget AFTER INSERT ON book DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION forget()";
        sqlx::raw_sql(trigger).execute(db.pool().unwrap()).await.unwrap();
        let at_commit = db.transaction(async |tx| Ok::<_, Failed>(Postgres::add(tx, 1).await?)).await.unwrap_err();
        let by_itself = sqlx::query("INSERT INTO book VALUES (1)").execute(db.pool().unwrap()).await.unwrap_err();
        for verdict in [at_commit.verdict(), by_itself.verdict()] {
            assert_eq!((verdict.kind, verdict.effect), (Kind::Transient, Effect::Unknown));
        }
        let read_only = db.transaction(async |tx| {
            sqlx::raw_sql("SET TRANSACTION READ ONLY").execute(&mut *tx).await?;
            Ok::<_, Failed>(Postgres::add(tx, 1).await?)
        });
        let verdict = read_only.await.unwrap_err().verdict();
        assert_eq!((verdict.kind, verdict.effect), (Kind::Transient, Effect::None));
    })
    .await;
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_connection_lost_in_the_body_rolls_back_and_the_next_one_works() {
    support::postgres(async |db| {
        Postgres::create(&db).await;
        let other = db.clone();
        let lost = db.transaction(async |tx| {
            Postgres::add(tx, 1).await?;
            let ours: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *tx).await?;
            let kill = async move {
                let kill = sqlx::query("SELECT pg_terminate_backend($1)").bind(ours);
                kill.execute(other.pool().unwrap()).await.unwrap();
            };
            tokio::spawn(kill).await.unwrap();
            Ok::<_, Failed>(Postgres::add(tx, 2).await?)
        });
        let error = lost.await.unwrap_err();
        assert_eq!((error.verdict().kind, error.verdict().effect), (Kind::Transient, Effect::Unknown), "{error:?}");
        db.transaction(async |tx| Ok::<_, Failed>(Postgres::add(tx, 3).await?)).await.unwrap();
        assert_eq!(Postgres::numbers(&db).await, [3]);
    })
    .await;
}
