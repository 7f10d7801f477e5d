//! What SQL the server and the oracle need, on either database.

use resil::{Backend, Db, Tx};
use sqlx::{Postgres, Sqlite};

pub trait Books: Backend {
    const WORD: &'static str;
    async fn create(db: &Db<Self>);
    async fn clear(db: &Db<Self>);
    /// Answers the number of the order.
    fn place(
        tx: &mut Tx<Self>,
        owner: &str,
        key: &str,
        item: &str,
    ) -> impl Future<Output = Result<i64, sqlx::Error>> + Send;
    /// Owner, key, item and number of each.
    async fn placed(db: &Db<Self>) -> Vec<(String, String, String, i64)>;
    /// The statuses that are kept.
    async fn kept(db: &Db<Self>) -> Vec<i64>;
}

macro_rules! books {
    ($database:ty, $word:literal, $identity:literal) => {
        impl Books for $database {
            const WORD: &'static str = $word;

            async fn create(db: &Db<Self>) {
                db.migrate().await.unwrap();
                let create = concat!("CREATE TABLE orders (number ", $identity, ", owner TEXT, key TEXT, item TEXT)");
                sqlx::query(create).execute(db.pool().unwrap()).await.unwrap();
            }

            async fn clear(db: &Db<Self>) {
                for sql in ["DELETE FROM orders", "DELETE FROM resil_once", "DELETE FROM resil_answers"] {
                    sqlx::query(sql).execute(db.pool().unwrap()).await.unwrap();
                }
            }

            async fn place(tx: &mut Tx<Self>, owner: &str, key: &str, item: &str) -> Result<i64, sqlx::Error> {
                let insert = "INSERT INTO orders (owner, key, item) VALUES ($1, $2, $3) RETURNING number";
                sqlx::query_scalar(insert).bind(owner).bind(key).bind(item).fetch_one(&mut *tx).await
            }

            async fn placed(db: &Db<Self>) -> Vec<(String, String, String, i64)> {
                let select = "SELECT owner, key, item, number FROM orders ORDER BY owner, key, number";
                sqlx::query_as(select).fetch_all(db.pool().unwrap()).await.unwrap()
            }

            async fn kept(db: &Db<Self>) -> Vec<i64> {
                let select = "SELECT status FROM resil_answers";
                sqlx::query_scalar(select).fetch_all(db.pool().unwrap()).await.unwrap()
            }
        }
    };
}
books!(Sqlite, "sqlite", "INTEGER PRIMARY KEY AUTOINCREMENT");
books!(Postgres, "postgres", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY");
