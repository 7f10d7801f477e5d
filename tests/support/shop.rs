//! The books of a shop, and what SQL the tests need of them.

use resil::{Backend, Db, Tx};
use sqlx::{AssertSqlSafe, Postgres, Sqlite};

/// What SQL the tests need, on either database.
pub trait Shop: Backend {
    async fn create(db: &Db<Self>);
    fn insert(tx: &mut Tx<Self>, order: i64) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
    fn set(tx: &mut Tx<Self>, order: i64, to: &str) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
    /// Whatever else, in a transaction.
    fn execute(tx: &mut Tx<Self>, sql: &str) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
    /// How often it was set, and to what.
    async fn order(db: &Db<Self>, order: i64) -> (i64, String);
    async fn run(db: &Db<Self>, sql: &'static str);
    async fn number(db: &Db<Self>, sql: &'static str) -> i64;
    /// The same for SQL that a test has put together.
    async fn run_text(db: &Db<Self>, sql: &str);
    async fn text(db: &Db<Self>, sql: &str) -> String;
}

macro_rules! shop {
    ($database:ty) => {
        impl Shop for $database {
            async fn create(db: &Db<Self>) {
                db.migrate().await.unwrap();
                Self::run(db, "CREATE TABLE orders (id BIGINT, state TEXT, changes BIGINT)").await;
            }

            async fn insert(tx: &mut Tx<Self>, order: i64) -> Result<(), sqlx::Error> {
                let insert = sqlx::query("INSERT INTO orders VALUES ($1, 'pending', 0)");
                insert.bind(order).execute(&mut *tx).await.map(drop)
            }

            async fn set(tx: &mut Tx<Self>, order: i64, to: &str) -> Result<(), sqlx::Error> {
                let update = sqlx::query("UPDATE orders SET state = $2, changes = changes + 1 WHERE id = $1");
                update.bind(order).bind(to).execute(&mut *tx).await.map(drop)
            }

            async fn execute(tx: &mut Tx<Self>, sql: &str) -> Result<(), sqlx::Error> {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut **tx).await.map(drop)
            }

            async fn order(db: &Db<Self>, order: i64) -> (i64, String) {
                let select = sqlx::query_as("SELECT changes, state FROM orders WHERE id = $1");
                select.bind(order).fetch_one(db.pool().unwrap()).await.unwrap()
            }

            async fn run(db: &Db<Self>, sql: &'static str) {
                sqlx::raw_sql(sql).execute(db.pool().unwrap()).await.unwrap();
            }

            async fn run_text(db: &Db<Self>, sql: &str) {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(db.pool().unwrap()).await.unwrap();
            }

            async fn text(db: &Db<Self>, sql: &str) -> String {
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(db.pool().unwrap()).await.unwrap()
            }

            async fn number(db: &Db<Self>, sql: &'static str) -> i64 {
                sqlx::query_scalar(sql).fetch_one(db.pool().unwrap()).await.unwrap()
            }
        }
    };
}
shop!(Sqlite);
shop!(Postgres);
