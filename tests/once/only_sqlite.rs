//! What only SQLite brings: a disk that is full.

use super::*;

#[tokio::test]
async fn a_full_disk_is_a_clear_error_and_keeps_nothing() {
    support::sqlite(async |db| {
        Sqlite::create(&db).await;
        let large = "x".repeat(1 << 20);
        let outcome = db.once(Once::of("order.place", key(7)), async |tx| {
            sqlx::query("PRAGMA max_page_count = 20").execute(&mut *tx).await?;
            Ok::<_, Failed>(large)
        });
        let message = outcome.await.unwrap_err().to_string();
        assert!(message.starts_with("a request ID could not be claimed or its outcome stored in"), "{message}");
        assert!(message.ends_with("database or disk is full"), "{message}");
        assert_eq!(Sqlite::stored(&db).await, 0);
        for number in 0..2 * support::CONNECTIONS {
            let works = db.once(Once::of("order.place", key(number)), async |tx| {
                sqlx::query("PRAGMA max_page_count = 1000000").execute(&mut *tx).await?;
                Ok::<_, Failed>(number)
            });
            assert_eq!(works.await.unwrap(), number);
        }
    })
    .await;
}
