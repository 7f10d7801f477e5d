//! The shop's own books: its SQL, the same on either database.

use crate::shop::payment::pay;
use crate::shop::trouble::Trouble;
use resil::ledger::{Intent, Operation};
use resil::{Backend, Db, Error, Tx};
use sqlx::{Postgres, Sqlite};

/// An order as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: i64,
    pub item: String,
    pub won: i64,
    /// `pending`, then `paid` or `failed`; `withdrawn` in between, if the customer was quicker than the payment.
    pub state: String,
    pub why: String,
    /// The intent that pays it.
    pub intent: String,
}

/// What is on the shelf, and what was there at first.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Stock {
    pub item: String,
    pub remaining: i64,
    pub initial: i64,
}

/// What an event has led to: a parcel, or a letter of regret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub order: i64,
    pub topic: String,
}

/// The statements of the service. What answers `bool` says whether there was a row to change.
pub trait Books: Backend {
    /// `pay`, as an operation of this database.
    type Payment: Operation<Self, Arguments = (i64, u32), Receipt = u64>;

    fn create(db: &Db<Self>) -> impl Future<Output = Result<(), Trouble>> + Send;
    /// Any statements: the scenarios take a table away.
    fn execute(db: &Db<Self>, sql: &'static str) -> impl Future<Output = Result<(), Trouble>> + Send;
    /// Puts so many of an item on the shelf, unless it is known already.
    fn stock_up(db: &Db<Self>, item: &str, number: i64) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// A new order, which is pending.
    fn insert(tx: &mut Tx<Self>, item: &str, won: u32) -> impl Future<Output = Result<i64, sqlx::Error>> + Send;
    fn take(tx: &mut Tx<Self>, item: &str) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;
    fn give_back(tx: &mut Tx<Self>, order: i64) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;
    /// The intent to pay an order, and its name beside the order.
    fn record(
        tx: &mut Tx<Self>,
        order: i64,
        won: u32,
    ) -> impl Future<Output = Result<Intent<Self::Payment>, Error>> + Send;
    fn paid_by(tx: &mut Tx<Self>, order: i64, intent: &str) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;
    /// What was pending is so no more.
    fn becomes(tx: &mut Tx<Self>, order: i64, state: &str) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;
    fn fail(tx: &mut Tx<Self>, order: i64, why: &str) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;
    fn deliver(tx: &mut Tx<Self>, order: i64, topic: &str) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    fn order(db: &Db<Self>, order: i64) -> impl Future<Output = Result<Option<Order>, Trouble>> + Send;
    fn orders(db: &Db<Self>) -> impl Future<Output = Result<Vec<Order>, Trouble>> + Send;
    fn stock(db: &Db<Self>) -> impl Future<Output = Result<Vec<Stock>, Trouble>> + Send;
    fn deliveries(db: &Db<Self>) -> impl Future<Output = Result<Vec<Delivery>, Trouble>> + Send;
}

type Columns = (i64, String, i64, String, String, Option<String>);

impl From<Columns> for Order {
    fn from((id, item, won, state, why, intent): Columns) -> Self {
        Self { id, item, won, state, why, intent: intent.unwrap_or_default() }
    }
}

// Reads are transactions as well: behind a pooler, nothing that stands by itself is sure to have one connection.
macro_rules! books {
    ($database:ty, $first:literal, $number:literal) => {
        impl Books for $database {
            type Payment = pay;

            async fn create(db: &Db<Self>) -> Result<(), Trouble> {
                db.migrate().await?;
                let tables = concat!(
                    $first,
                    "CREATE TABLE IF NOT EXISTS orders (id ",
                    $number,
                    ", item TEXT NOT NULL, won BIGINT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL, intent TEXT);
                    CREATE TABLE IF NOT EXISTS stock (
                        item TEXT PRIMARY KEY, remaining BIGINT NOT NULL CHECK (remaining >= 0), initial BIGINT NOT NULL
                    );
                    CREATE TABLE IF NOT EXISTS deliveries (of_order BIGINT NOT NULL, topic TEXT NOT NULL);",
                );
                Self::execute(db, tables).await
            }

            async fn execute(db: &Db<Self>, sql: &'static str) -> Result<(), Trouble> {
                sqlx::raw_sql(sql).execute(db.pool()?).await?;
                Ok(())
            }

            async fn stock_up(db: &Db<Self>, item: &str, number: i64) -> Result<(), Trouble> {
                let insert = "INSERT INTO stock VALUES ($1, $2, $2) ON CONFLICT (item) DO NOTHING";
                db.transaction(async |tx| {
                    sqlx::query(insert).bind(item).bind(number).execute(&mut *tx).await?;
                    Ok(())
                })
                .await
            }

            async fn insert(tx: &mut Tx<Self>, item: &str, won: u32) -> Result<i64, sqlx::Error> {
                let insert = "INSERT INTO orders (item, won, state, why) VALUES ($1, $2, 'pending', '') RETURNING id";
                sqlx::query_scalar(insert).bind(item).bind(i64::from(won)).fetch_one(&mut *tx).await
            }

            async fn take(tx: &mut Tx<Self>, item: &str) -> Result<bool, sqlx::Error> {
                let take = "UPDATE stock SET remaining = remaining - 1 WHERE item = $1 AND remaining > 0";
                let taken = sqlx::query(take).bind(item).execute(&mut *tx).await?;
                Ok(taken.rows_affected() == 1)
            }

            async fn give_back(tx: &mut Tx<Self>, order: i64) -> Result<bool, sqlx::Error> {
                let give = "UPDATE stock SET remaining = remaining + 1
                    WHERE item = (SELECT item FROM orders WHERE id = $1)";
                let given = sqlx::query(give).bind(order).execute(&mut *tx).await?;
                Ok(given.rows_affected() == 1)
            }

            async fn record(tx: &mut Tx<Self>, order: i64, won: u32) -> Result<Intent<pay>, Error> {
                pay::record(tx, order, won).await
            }

            async fn paid_by(tx: &mut Tx<Self>, order: i64, intent: &str) -> Result<bool, sqlx::Error> {
                let update = sqlx::query("UPDATE orders SET intent = $2 WHERE id = $1");
                let updated = update.bind(order).bind(intent).execute(&mut *tx).await?;
                Ok(updated.rows_affected() == 1)
            }

            async fn becomes(tx: &mut Tx<Self>, order: i64, state: &str) -> Result<bool, sqlx::Error> {
                let update = sqlx::query("UPDATE orders SET state = $2 WHERE id = $1 AND state = 'pending'");
                let updated = update.bind(order).bind(state).execute(&mut *tx).await?;
                Ok(updated.rows_affected() == 1)
            }

            async fn fail(tx: &mut Tx<Self>, order: i64, why: &str) -> Result<bool, sqlx::Error> {
                let fail = "UPDATE orders SET state = 'failed', why = $2 WHERE id = $1 AND state <> 'failed'";
                let failed = sqlx::query(fail).bind(order).bind(why).execute(&mut *tx).await?;
                Ok(failed.rows_affected() == 1)
            }

            async fn deliver(tx: &mut Tx<Self>, order: i64, topic: &str) -> Result<bool, sqlx::Error> {
                let insert = sqlx::query("INSERT INTO deliveries VALUES ($1, $2)");
                let inserted = insert.bind(order).bind(topic).execute(&mut *tx).await?;
                Ok(inserted.rows_affected() == 1)
            }

            async fn order(db: &Db<Self>, order: i64) -> Result<Option<Order>, Trouble> {
                let select = "SELECT id, item, won, state, why, intent FROM orders WHERE id = $1";
                db.transaction(async |tx| {
                    let found: Option<Columns> =
                        sqlx::query_as(select).bind(order).fetch_optional(&mut *tx).await?;
                    Ok(found.map(Order::from))
                })
                .await
            }

            async fn orders(db: &Db<Self>) -> Result<Vec<Order>, Trouble> {
                let select = "SELECT id, item, won, state, why, intent FROM orders ORDER BY id";
                let found = db.transaction(async |tx| Ok::<Vec<Columns>, Trouble>(sqlx::query_as(select).fetch_all(&mut *tx).await?));
                let found = found.await?;
                Ok(found.into_iter().map(Order::from).collect())
            }

            async fn stock(db: &Db<Self>) -> Result<Vec<Stock>, Trouble> {
                let select = "SELECT item, remaining, initial FROM stock ORDER BY item";
                let found = db.transaction(async |tx| Ok::<Vec<(String, i64, i64)>, Trouble>(sqlx::query_as(select).fetch_all(&mut *tx).await?));
                let found = found.await?;
                Ok(found.into_iter().map(|(item, remaining, initial)| Stock { item, remaining, initial }).collect())
            }

            async fn deliveries(db: &Db<Self>) -> Result<Vec<Delivery>, Trouble> {
                let select = "SELECT of_order, topic FROM deliveries ORDER BY of_order";
                let found = db.transaction(async |tx| Ok::<Vec<(i64, String)>, Trouble>(sqlx::query_as(select).fetch_all(&mut *tx).await?));
                let found = found.await?;
                Ok(found.into_iter().map(|(order, topic)| Delivery { order, topic }).collect())
            }
        }
    };
}
books!(Sqlite, "", "INTEGER PRIMARY KEY AUTOINCREMENT");
// Two processes that start at once would both make the tables.
books!(Postgres, "SELECT pg_advisory_xact_lock(7365);", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY");
