use sqlx::{Database, SqlStr};
use std::future::Future;

/// A database that [`Db`](super::Db) works with: `sqlx::Sqlite` (feature `sqlite`) and `sqlx::Postgres` (feature
/// `postgres`).
pub trait Backend: Database<Connection: Send> + sealed::Backend {}

impl<DB: Database<Connection: Send> + sealed::Backend> Backend for DB {}

pub(super) mod sealed {
    use super::{Database, Future, SqlStr};

    pub trait Backend: Database {
        /// How a transaction begins, where it is not plain `BEGIN`.
        fn begin() -> Option<SqlStr>;

        /// Fails if a statement of the transaction failed, so that the commit would roll it back without a word.
        fn can_commit(connection: &mut Self::Connection) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

        /// Runs a statement of ours without arguments.
        fn run(connection: &mut Self::Connection, sql: SqlStr) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
    }
}

#[cfg(feature = "sqlite")]
impl sealed::Backend for sqlx::Sqlite {
    /// Waits for the one writer there can be before anything is read. A transaction that begins with a read and then
    /// writes would fail instead of wait.
    fn begin() -> Option<SqlStr> {
        use sqlx::SqlSafeStr;
        Some("BEGIN IMMEDIATE".into_sql_str())
    }

    async fn can_commit(_connection: &mut sqlx::SqliteConnection) -> Result<(), sqlx::Error> {
        // A statement that ends the transaction makes COMMIT itself fail.
        Ok(())
    }

    async fn run(connection: &mut sqlx::SqliteConnection, sql: SqlStr) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sql).execute(connection).await.map(drop)
    }
}

#[cfg(feature = "postgres")]
impl sealed::Backend for sqlx::Postgres {
    fn begin() -> Option<SqlStr> {
        None
    }

    /// PostgreSQL answers the COMMIT of a failed transaction with a successful ROLLBACK.
    async fn can_commit(connection: &mut sqlx::PgConnection) -> Result<(), sqlx::Error> {
        use sqlx::SqlSafeStr;
        Self::run(connection, "SELECT 1".into_sql_str()).await
    }

    async fn run(connection: &mut sqlx::PgConnection, sql: SqlStr) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sql).execute(connection).await.map(drop)
    }
}
