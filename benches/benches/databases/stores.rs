//! The databases.

use resil::{Backend, Db, Error, Tx};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Postgres, Sqlite};
use std::str::FromStr as _;

pub trait Store: Backend {
    /// A query that counts up to `$1` in the column `number`.
    const SERIES: &'static str;

    async fn create(db: &Db<Self>);
    fn write(tx: &mut Tx<Self>) -> impl Future<Output = Result<(), Error>> + Send;
    async fn run(db: &Db<Self>, sql: &'static str);
    /// Copies the only intent there is so many times.
    async fn multiply(db: &Db<Self>, times: u32);
}

macro_rules! store {
    ($database:ty, $series:literal) => {
        impl Store for $database {
            const SERIES: &'static str = $series;

            async fn create(db: &Db<Self>) {
                db.migrate().await.unwrap();
                sqlx::query("CREATE TABLE orders (item TEXT)").execute(db.pool().unwrap()).await.unwrap();
            }

            async fn write(tx: &mut Tx<Self>) -> Result<(), Error> {
                sqlx::query("INSERT INTO orders VALUES ('tea')").execute(&mut *tx).await.unwrap();
                Ok(())
            }

            async fn run(db: &Db<Self>, sql: &'static str) {
                sqlx::raw_sql(sql).execute(db.pool().unwrap()).await.unwrap();
            }

            async fn multiply(db: &Db<Self>, times: u32) {
                let columns =
                    "op, version, subject, arguments, fingerprint, settle, state, attempts, panics, epoch, due,
                    receipt, why, history, recorded, amount, books";
                let sql = format!(
                    "INSERT INTO resil_intents (id, key, {columns}) SELECT 'copy ' || number, 'copy ' || number, {columns}
                     FROM resil_intents CROSS JOIN ({}) AS series",
                    Self::SERIES
                );
                let copy = sqlx::query(AssertSqlSafe(sql)).bind(i64::from(times));
                copy.execute(db.pool().unwrap()).await.unwrap();
            }
        }
    };
}
store!(
    Sqlite,
    "WITH RECURSIVE series (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM series WHERE number < $1)
     SELECT number FROM series"
);
store!(Postgres, "SELECT number FROM generate_series(1, $1) AS all_of_them (number)");

/// The same database as another process has it, with a pool of 5.
pub trait Small<DB: Backend> {
    async fn small(&self) -> Db<DB>;
}

macro_rules! small {
    ($database:ty) => {
        impl Small<$database> for Db<$database> {
            async fn small(&self) -> Self {
                let options = self.pool().unwrap().connect_options();
                let pool = sqlx::pool::PoolOptions::new().max_connections(5);
                Self::new(pool.connect_with((*options).clone()).await.unwrap())
            }
        }
    };
}
small!(Sqlite);
small!(Postgres);

pub async fn sqlite(run: impl AsyncFnOnce(Db<Sqlite>)) {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join("bench.db")).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options.journal_mode(SqliteJournalMode::Wal)).await.unwrap();
    let db = Db::new(pool);
    Sqlite::create(&db).await;
    run(db).await;
}

pub async fn postgres(run: impl AsyncFnOnce(Db<Postgres>)) {
    let Ok(url) = std::env::var("RESIL_TEST_POSTGRES_URL") else {
        println!("PostgreSQL is not measured: set RESIL_TEST_POSTGRES_URL");
        return;
    };
    let schema = format!("resil_bench_{}", std::process::id());
    let options = PgConnectOptions::from_str(&url).unwrap();
    let mut outside = PgConnection::connect_with(&options).await.unwrap();
    outside.execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.unwrap();
    let db = Db::new(sqlx::PgPool::connect_with(options.options([("search_path", &schema)])).await.unwrap());
    Postgres::create(&db).await;
    run(db).await;
    outside.execute(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).await.unwrap();
}
