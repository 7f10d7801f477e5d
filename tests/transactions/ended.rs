//! A transaction that a statement of the body has ended.

use super::*;
use crate::on_both;

trait Raw: Book {
    async fn run(tx: &mut Tx<Self>, sql: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sql).execute(&mut *tx).await.map(drop)
    }

    async fn run_on_connection(tx: &mut Tx<Self>, sql: &'static str) -> Result<(), sqlx::Error>;
}

macro_rules! raw {
    ($($database:ty),*) => {
        $(impl Raw for $database {
            async fn run_on_connection(tx: &mut Tx<Self>, sql: &'static str) -> Result<(), sqlx::Error> {
                sqlx::raw_sql(sql).execute(&mut **tx).await.map(drop)
            }
        })*
    };
}
raw!(Sqlite, Postgres);

/// It is told, nobody takes it for committed or rolled back, and the connection serves on.
async fn is_told<DB: Raw>(db: &Db<DB>, ended: Result<(), Failed>) {
    let error = ended.unwrap_err();
    assert_eq!(error.step(), Some(Step::Ended), "{error:?}");
    assert_eq!((error.verdict().kind, error.verdict().effect), (Kind::Permanent, Effect::Unknown));
    let Failed::Policy(error) = error else { unreachable!() };
    assert!(error.to_string().contains("write `tx.savepoint(async |tx| ..)`"), "{error}");
    assert_eq!(DB::open_in_pool(db).await, 0);
    for number in 100..100 + 2 * i64::from(CONNECTIONS) {
        db.transaction(async |tx| Ok::<_, Failed>(DB::add(tx, number).await?)).await.unwrap();
    }
}

async fn a_commit_or_rollback_by_hand_is_told<DB: Raw>(db: Db<DB>) {
    DB::create(&db).await;
    for (first, by_hand) in [(1, "COMMIT"), (3, "ROLLBACK")] {
        let ended = db.transaction(async |tx| {
            DB::add(tx, first).await?;
            DB::run(tx, by_hand).await?;
            Ok::<_, Failed>(DB::add(tx, first + 1).await?)
        });
        is_told(&db, ended.await).await;
        db.transaction(async |tx| Ok::<_, Failed>(DB::run(tx, "DELETE FROM book WHERE number >= 100").await?))
            .await
            .unwrap();
    }
    assert_eq!(DB::numbers(&db).await, [1, 2, 4], "what came after it was done by itself");
}

async fn one_inside_a_savepoint_is_told<DB: Raw>(db: Db<DB>) {
    DB::create(&db).await;
    let inside = db.transaction(async |tx| {
        let part: Result<(), Failed> = tx.savepoint(async |tx| Ok(DB::run(tx, "COMMIT").await?)).await;
        assert_eq!(part.unwrap_err().step(), Some(Step::Ended));
        // Swallowed.
        Ok::<_, Failed>(())
    });
    is_told(&db, inside.await).await;
    let refused = db.transaction(async |tx| {
        let part: Result<(), Failed> = tx
            .savepoint(async |tx| {
                DB::run(tx, "ROLLBACK").await?;
                Err(Failed::Refused)
            })
            .await;
        assert!(matches!(part, Err(Failed::Refused)), "its own failure says more");
        Ok::<_, Failed>(())
    });
    let error = refused.await.unwrap_err();
    assert_eq!((error.step(), error.verdict().effect), (Some(Step::Ended), Effect::Unknown), "{error:?}");
}

async fn one_before_a_statement_of_ours_is_told<DB: Raw>(db: Db<DB>) {
    db.migrate().await.unwrap();
    DB::create(&db).await;
    let ended = db.transaction(async |tx| {
        DB::add(tx, 1).await?;
        DB::run(tx, "COMMIT").await?;
        tx.outbox("numbers", &1).await?;
        Ok::<_, Failed>(())
    });
    is_told(&db, ended.await).await;
    let once = resil::Once::of("order.place", resil::IdempotencyKey::random());
    let once = db.once(once, async |tx| Ok::<_, Failed>(DB::run(tx, "ROLLBACK").await?));
    let error = once.await.unwrap_err();
    assert_eq!((error.step(), error.verdict().effect), (Some(Step::Ended), Effect::Unknown), "{error:?}");
}

async fn another_one_that_was_begun_by_hand_is_not_taken_for_the_first<DB: Raw>(db: Db<DB>) {
    db.migrate().await.unwrap();
    DB::create(&db).await;
    let ended = db.transaction(async |tx| {
        DB::add(tx, 1).await?;
        DB::run(tx, "COMMIT; BEGIN").await?;
        Ok::<_, Failed>(DB::add(tx, 2).await?)
    });
    assert_eq!(ended.await.unwrap_err().step(), Some(Step::Ended));
    if DB::NAME == "PostgreSQL" {
        let ended = db.transaction(async |tx| {
            DB::run_on_connection(tx, "COMMIT; BEGIN").await?;
            Ok::<_, Failed>(DB::add(tx, 2).await?)
        });
        assert_eq!(ended.await.unwrap_err().step(), Some(Step::Ended));
    }
    let ended = db.transaction(async |tx| {
        DB::run(tx, "ROLLBACK; BEGIN").await?;
        tx.outbox("numbers", &1).await?;
        Ok::<_, Failed>(())
    });
    assert_eq!(ended.await.unwrap_err().step(), Some(Step::Ended));
    let inside = db.transaction(async |tx| {
        let part = tx.savepoint(async |tx| Ok::<_, Failed>(DB::run(tx, "COMMIT; BEGIN").await?)).await;
        assert!(part.is_err());
        Ok::<_, Failed>(())
    });
    assert_eq!(inside.await.unwrap_err().step(), Some(Step::Ended));
    let once = resil::Once::of("order.place", resil::IdempotencyKey::random());
    let once = db.once(once, async |tx| Ok::<_, Failed>(DB::run(tx, "COMMIT; BEGIN").await?));
    assert_eq!(once.await.unwrap_err().step(), Some(Step::Ended));
    assert_eq!(DB::numbers(&db).await, [1], "the second is rolled back");
    let waiting = resil::outbox::Outbox::on(db.clone()).backlog().await.unwrap().waiting;
    assert_eq!((waiting, DB::open_in_pool(&db).await), (0, 0));
}

/// Its caller would take it for rolled back, and repeat it.
async fn one_in_a_body_that_fails_is_told_too<DB: Raw>(db: Db<DB>) {
    DB::create(&db).await;
    for (number, by_hand) in [(1, "COMMIT"), (2, "COMMIT; BEGIN"), (3, " /* done */ end;")] {
        let ended: Result<(), Failed> = db
            .transaction(async |tx| {
                DB::add(tx, number).await?;
                DB::run(tx, by_hand).await?;
                Err(Failed::Refused)
            })
            .await;
        let error = ended.unwrap_err();
        assert_eq!(
            (error.step(), error.verdict().effect),
            (Some(Step::Ended), Effect::Unknown),
            "{by_hand}: {error:?}"
        );
    }
    let inside: Result<(), Failed> = db
        .transaction(async |tx| {
            DB::add(tx, 4).await?;
            tx.savepoint(async |tx| {
                DB::run(tx, "COMMIT").await?;
                Err(Failed::Refused)
            })
            .await
        })
        .await;
    assert_eq!(inside.unwrap_err().step(), Some(Step::Ended));
    assert_eq!((DB::numbers(&db).await, DB::open_in_pool(&db).await), (vec![1, 2, 3, 4], 0));
}

/// Its own error says what is wrong.
async fn a_body_that_fails_otherwise_answers_its_own_error<DB: Raw>(db: Db<DB>) {
    DB::create(&db).await;
    for on_connection in [true, false] {
        let failed: Result<(), Failed> = db
            .transaction(async |tx| {
                DB::add(tx, 1).await?;
                if on_connection {
                    DB::run_on_connection(tx, "SAVEPOINT mine; ROLLBACK TO SAVEPOINT mine").await?;
                } else {
                    DB::run(tx, "SAVEPOINT mine; ROLLBACK TO SAVEPOINT mine").await?;
                }
                Ok(DB::add(tx, 1).await?)
            })
            .await;
        assert!(matches!(failed, Err(Failed::Sql(sqlx::Error::Database(_)))), "{failed:?}");
        let refused: Result<(), Failed> = db.transaction(async |_tx| Err(Failed::Refused)).await;
        assert!(matches!(refused, Err(Failed::Refused)));
    }
    assert_eq!((DB::numbers(&db).await, DB::open_in_pool(&db).await), (vec![], 0));
}

/// What does not end it is no reason to complain.
async fn savepoints_by_hand_and_settings_are_nobodys_business<DB: Raw>(db: Db<DB>) {
    db.migrate().await.unwrap();
    DB::create(&db).await;
    let fine = db.transaction(async |tx| {
        if DB::NAME == "PostgreSQL" {
            DB::run(tx, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").await?;
            DB::run(tx, "SET LOCAL lock_timeout = '1s'").await?;
        }
        DB::run(tx, "SAVEPOINT mine").await?;
        DB::add(tx, 1).await?;
        DB::run(tx, "ROLLBACK TO SAVEPOINT mine").await?;
        DB::add(tx, 2).await?;
        tx.outbox("numbers", &1).await?;
        Ok::<_, Failed>(DB::add(tx, 3).await?)
    });
    fine.await.unwrap();
    assert_eq!(DB::numbers(&db).await, [2, 3]);
}

on_both! {
    a_commit_or_rollback_by_hand_is_told,
    one_inside_a_savepoint_is_told,
    one_before_a_statement_of_ours_is_told,
    another_one_that_was_begun_by_hand_is_not_taken_for_the_first,
    one_in_a_body_that_fails_is_told_too,
    a_body_that_fails_otherwise_answers_its_own_error,
    savepoints_by_hand_and_settings_are_nobodys_business,
}
