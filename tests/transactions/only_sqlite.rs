//! What only SQLite brings.

use super::*;

/// Sixteen read and then write; a transaction that began with its read would fail half way.
#[tokio::test]
async fn writers_wait_for_each_other() {
    support::sqlite(async |db| {
        Sqlite::create(&db).await;
        let all: Vec<_> = (0..16)
            .map(|number| {
                let db = db.clone();
                tokio::spawn(async move {
                    db.transaction(async |tx| {
                        sqlx::query("SELECT count(*) FROM book").execute(&mut *tx).await?;
                        tokio::task::yield_now().await;
                        Ok::<_, Failed>(Sqlite::add(tx, number).await?)
                    })
                    .await
                })
            })
            .collect();
        for one in all {
            one.await.unwrap().unwrap();
        }
        assert_eq!(Sqlite::numbers(&db).await.len(), 16);
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_is_a_clear_error_and_rolls_back() {
    support::sqlite(async |db| {
        Sqlite::create(&db).await;
        let error = db
            .transaction(async |tx| {
                sqlx::query("PRAGMA max_page_count = 4").execute(&mut *tx).await?;
                for number in 0..100_000 {
                    Sqlite::add(tx, number).await?;
                }
                Ok::<_, Failed>(())
            })
            .await
            .unwrap_err();
        assert!(matches!(&error, Failed::Sql(error) if error.to_string().contains("full")), "{error:?}");
        assert_eq!((error.verdict().kind, error.verdict().effect), (Kind::Permanent, Effect::None));
        assert!(Sqlite::numbers(&db).await.is_empty());
        every_connection_works(&db).await;
    })
    .await;
}

/// SQLite has ended the transaction by itself, and sqlx does not know.
async fn every_connection_works(db: &Db<Sqlite>) {
    let one_by_one = async |number: i64| {
        db.transaction(async |tx| {
            sqlx::query("PRAGMA max_page_count = 1000000").execute(&mut *tx).await?;
            Ok::<_, Failed>(Sqlite::add(tx, number).await?)
        })
        .await
    };
    for number in 0..2 * i64::from(CONNECTIONS) {
        one_by_one(1000 + number).await.unwrap();
    }
}

#[tokio::test]
async fn a_statement_that_ends_the_transaction_makes_the_outcome_unknown() {
    support::sqlite(async |db| {
        sqlx::raw_sql("CREATE TABLE book (number BIGINT PRIMARY KEY ON CONFLICT ROLLBACK)")
            .execute(db.pool().unwrap())
            .await
            .unwrap();
        let outcome = db.transaction(async |tx| {
            Sqlite::add(tx, 1).await?;
            assert!(Sqlite::add(tx, 1).await.is_err(), "which rolls back");
            // Nobody holds this back any more.
            Ok::<_, Failed>(Sqlite::add(tx, 2).await?)
        });
        let error = outcome.await.unwrap_err();
        assert_eq!((error.step(), error.verdict().effect), (Some(Step::Ended), Effect::Unknown), "{error:?}");
        assert_eq!(Sqlite::numbers(&db).await, [2]);
        every_connection_works(&db).await;
    })
    .await;
}

#[tokio::test]
async fn who_waits_too_long_for_the_writer_is_told_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.path().join("busy.db"))
        .create_if_missing(true)
        .busy_timeout(Duration::from_millis(10));
    let pool = sqlx::SqlitePool::connect_with(options.clone()).await.unwrap();
    let (db, same_file) = (Db::new(pool), Db::new(sqlx::SqlitePool::connect_with(options).await.unwrap()));
    let error =
        db.transaction(async |_tx| same_file.transaction(async |_tx| Ok::<_, Failed>(())).await).await.unwrap_err();
    assert_eq!((error.step(), error.verdict().kind), (Some(Step::Begin), Kind::Transient), "{error:?}");
    assert_eq!(error.verdict().effect, Effect::None);
}
