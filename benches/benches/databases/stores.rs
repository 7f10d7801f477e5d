//! The databases.

use resil::{Backend, Db, Error, Tx};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Postgres, Sqlite};
use std::str::FromStr as _;

pub trait Store: Backend {
    async fn create(db: &Db<Self>);
    async fn write(tx: &mut Tx<Self>) -> Result<(), Error>;
}

macro_rules! store {
    ($database:ty) => {
        impl Store for $database {
            async fn create(db: &Db<Self>) {
                db.migrate().await.unwrap();
                sqlx::query("CREATE TABLE orders (item TEXT)").execute(db.pool().unwrap()).await.unwrap();
            }

            async fn write(tx: &mut Tx<Self>) -> Result<(), Error> {
                sqlx::query("INSERT INTO orders VALUES ('tea')").execute(&mut **tx).await.unwrap();
                Ok(())
            }
        }
    };
}
store!(Sqlite);
store!(Postgres);

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
