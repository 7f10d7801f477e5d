//! The tables of our own: embedded, versioned, made by one call.

use super::begin::failed;
use super::{Backend, Db};
use crate::transaction::{Began, Holds, Step};
use crate::{Classify, Error, Site};
use sqlx::{AssertSqlSafe, SqlSafeStr};

/// What each version adds. A version is never changed once it is released: databases have it.
const VERSIONS: &[&str] = &[
    super::once::TABLE,
    crate::sql::ledger::TABLES,
    crate::sql::outbox::TABLE,
    crate::sql::ledger::BOOKS_COLUMNS,
    crate::sql::ledger::RECORDS,
    crate::sql::ledger::KEYS,
    crate::sql::ledger::TIME_COLUMNS,
    crate::sql::outbox::PLACES,
    crate::sql::ledger::COUNTED,
    crate::sql::outbox::SCHEDULED,
    crate::sql::ledger::RESTING,
    super::once::ANSWERS,
];

const SITE: Site = Site { function: "db.migrate()", file: file!(), line: line!() };
const VERSION: &str = "CREATE TABLE IF NOT EXISTS resil_schema (version BIGINT NOT NULL)";

impl<DB: Backend> Db<DB> {
    /// Makes the tables that `once`, the ledger and the outbox need, or brings them up to this version of resil. Their names begin with `resil_`.
    ///
    /// Call it at start, as often as you like and from as many processes: it does what is missing, each version in a
    /// transaction of its own. A version only adds, so that processes of the version before go on working.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] as for [`transaction`](Self::transaction), or if a statement fails, for example because
    /// the role may not make tables; the versions before it are done, and the next call goes on there.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("shop.db");
    /// let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
    /// let db = resil::Db::new(sqlx::SqlitePool::connect_with(options).await?);
    /// db.migrate().await?;
    /// db.migrate().await?; // nothing is left to do
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))] fn main() {}
    /// ```
    pub async fn migrate(&self) -> Result<(), Error> {
        let began = Began { holds: Holds::Transaction, site: SITE };
        loop {
            let mut tx = self.begin_with(began, DB::own_begin_committed()).await?;
            let made = make_next::<DB>(&mut tx).await;
            let made = made.map_err(|error| failed(began, Step::Schema, error.verdict().unsent(), Some(error.into())));
            if tx.end(made).await? == Made::All {
                return Ok(());
            }
        }
    }
}

/// Whether versions are left.
#[derive(PartialEq, Eq)]
enum Made {
    More,
    All,
}

/// Makes the next version that is missing, and answers whether it was the last. Each is a transaction of its own, so that its
/// locks are held no longer than it takes; whoever comes meanwhile waits for it, and goes on behind it.
async fn make_next<DB: Backend>(connection: &mut DB::Connection) -> Result<Made, sqlx::Error> {
    if let Some(lock) = DB::LOCK_SCHEMA {
        DB::own_fetch(connection, lock, &[]).await?;
    }
    DB::own_run(connection, VERSION.into_sql_str()).await?;
    let rows = DB::own_fetch(connection, "SELECT coalesce(max(version), 0) FROM resil_schema", &[]).await?;
    let version = rows.first().and_then(|row| row.number(0)).unwrap_or(0);
    let Some((number, sql)) = (1..).zip(VERSIONS).find(|(number, _)| *number > version) else { return Ok(Made::All) };
    let sql = sql.replace("{identity}", DB::IDENTITY).replace("{bytes}", DB::BYTES);
    let sql = sql.replace("{old claims}", DB::NO_OLD_CLAIMS);
    DB::own_run(connection, AssertSqlSafe(sql).into_sql_str()).await?;
    DB::own_fetch(connection, "INSERT INTO resil_schema VALUES ($1)", &[number.into()]).await?;
    let is_last = VERSIONS.len().try_into() == Ok(number);
    Ok(if is_last { Made::All } else { Made::More })
}
