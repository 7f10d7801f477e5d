//! The tables of our own: embedded, versioned, made by one call.

use super::begin::failed;
use super::migration::{self, Migration, newest};
use super::missing::no_tables;
use super::statement::Row;
use super::texts::{Schema, Texts};
use super::{Backend, Db, Tx, Value};
use crate::registry::misconfigured;
use crate::transaction::{Began, Holds, Step};
use crate::{Classify, Error, Site};
use sqlx::{AssertSqlSafe, SqlSafeStr};
use std::sync::Arc;

/// What each version adds, and what it is called. A version is never changed once it is released: databases have it.
///
/// `{then}` ends a transaction, where the databases' writers write side by side, so that no lock is held for what needs a lesser
/// one; what comes before the last may then be made twice. Nothing may write a table anew.
pub(super) const VERSIONS: &[(&str, &str)] = &[
    ("once", super::once::TABLE),
    ("ledger", crate::sql::ledger::TABLES),
    ("outbox", crate::sql::outbox::TABLE),
    ("books", crate::sql::ledger::BOOKS_COLUMNS),
    ("records", crate::sql::ledger::RECORDS),
    ("keys", crate::sql::ledger::KEYS),
    ("times", crate::sql::ledger::TIME_COLUMNS),
    ("places", crate::sql::outbox::PLACES),
    ("counted", crate::sql::ledger::COUNTED),
    ("scheduled", crate::sql::outbox::SCHEDULED),
    ("resting", crate::sql::ledger::RESTING),
    ("answers", super::once::ANSWERS),
    ("rates", crate::sql::RATES),
];

/// Which versions there are.
pub(super) const BOOKKEEPING: &str = "CREATE TABLE IF NOT EXISTS resil_schema (version BIGINT NOT NULL)";
const VERSION: &str = "SELECT coalesce(max(version), 0) FROM resil_schema";
const MADE: &str = "INSERT INTO resil_schema VALUES ($1)";

const SITE: Site = Site { function: "db.migrate()", file: file!(), line: line!() };

impl<DB: Backend> Db<DB> {
    /// Makes the tables that `once`, the ledger and the outbox need, or brings them up to this version of resil. Their names
    /// begin with `resil_`.
    ///
    /// Call it at start, as often as you like and from as many processes: it does what is missing. Where nothing is, it only
    /// reads, so that the role needs no right to make tables. A version only adds, so that processes of the version before go on
    /// working, and no step writes a table anew; what each locks on PostgreSQL, `docs/operation.md` says. Where another
    /// tool or another role makes the tables, give it [`migrations`](Self::migrations).
    ///
    /// On PostgreSQL the tables come into the first schema of `search_path`, or into [the one named](Self::in_schema).
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] as for [`transaction`](Self::transaction), or if a statement fails, for example because
    /// the role may not make tables; the versions before it are done, and the next call goes on there.
    /// [`Error::Misconfigured`] if `search_path` leads to tables in several schemas, or if those it leads to are to be changed and
    /// are not in the first.
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
        if self.version().await? >= newest() {
            return Ok(());
        }
        let began = Began { holds: Holds::Transaction, site: SITE };
        let mut at = (0, 0);
        loop {
            let mut tx = self.begin_with(began, self.own_begin()).await?;
            let made = make_next(&mut tx, &mut at).await;
            if tx.end(made).await? == Made::All {
                return Ok(());
            }
        }
    }

    /// Checks that the tables are there, and of this version of resil or a newer one, which only adds. It reads, and changes
    /// nothing. [`Ledger::open`](crate::ledger::Ledger::on) and a [relay](crate::outbox::Relay) that begins do it, too.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] with what to write, if they are not; or if `search_path` leads to tables in several schemas.
    /// [`Error::Transaction`] if the database cannot be asked, or while the caller holds one of its connections.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// let db = resil::Db::new(pool.connect("sqlite::memory:").await?);
    /// assert!(db.ready().await.unwrap_err().to_string().ends_with("write `db.migrate().await?` at start"));
    /// db.migrate().await?;
    /// db.ready().await?;
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))] fn main() {}
    /// ```
    pub async fn ready(&self) -> Result<(), Error> {
        match (self.version().await?, newest()) {
            (0, _) => Err(no_tables()),
            (version, newest) if version < newest => Err(misconfigured(format!(
                "the tables of resil in this database are of version {version}, and this program needs version {newest}: write \
                 `db.migrate().await?` at start"
            ))),
            _ => Ok(()),
        }
    }

    /// The steps of [`migrate`](Self::migrate), for another tool: in this order, each once, each in a transaction. With each
    /// [`migrate`](Self::migrate) and [`ready`](Self::ready) know that it is done. Versions to come only add steps.
    ///
    /// The schema that [`in_schema`](Self::in_schema) names has to be there already.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Nothing is connected.
    /// let db = resil::Db::new(sqlx::SqlitePool::connect_lazy("sqlite::memory:")?);
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// for step in db.migrations() {
    ///     std::fs::write(folder.join(format!("{:04}_resil_{}.sql", step.number, step.name)), step.sql)?;
    /// }
    /// # assert!(folder.join("0001_resil_once.sql").is_file());
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))] fn main() {}
    /// ```
    pub fn migrations(&self) -> Vec<Migration> {
        migration::all(&self.texts)
    }

    /// Of which version the tables are. 0 if there are none.
    async fn version(&self) -> Result<i64, Error> {
        let found = self.statement(DB::SCHEMAS, &whose(&self.texts)).await?;
        if place(found)? == Place::Nowhere {
            return Ok(0);
        }
        Ok(number(&self.statement(VERSION, &[]).await?))
    }
}

#[cfg(feature = "postgres")]
impl Db<sqlx::Postgres> {
    /// The same database, with resil's tables in this schema, whatever `search_path` says: each statement names it.
    /// [`migrate`](Db::migrate) makes it if it is not there. The name is taken as it is written, capitals included.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] if it is no plain name: 1 to 63 ASCII letters, digits and `_`, no digit first.
    ///
    /// ```
    /// # #[cfg(feature = "postgres")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = sqlx::PgPool::connect_lazy("postgres://localhost/shop")?;
    /// let db = resil::Db::new(pool).in_schema("resil")?;
    /// assert!(db.migrations()[0].sql.contains("CREATE TABLE \"resil\".resil_once"));
    /// # Ok(()) }
    /// # #[cfg(not(feature = "postgres"))] fn main() {}
    /// ```
    pub fn in_schema(self, name: &str) -> Result<Self, Error> {
        let schema = Schema::new(name).ok_or_else(|| {
            misconfigured(format!(
                "`{}` is no plain name of a schema, of up to 63 letters, digits and `_`: write `.in_schema(\"resil\")`",
                name.escape_debug()
            ))
        })?;
        let texts = self.texts.in_schema(schema);
        Ok(self.with_texts(texts))
    }
}

/// Whether versions are left.
#[derive(PartialEq, Eq)]
enum Made {
    More,
    All,
}

/// Makes the next part of the next version that is missing, and answers whether it was the last. Each is a transaction of its own,
/// so that its locks are held no longer than it takes; whoever comes meanwhile waits for it, and goes on behind it.
async fn make_next<DB: Backend>(tx: &mut Tx<DB>, at: &mut (i64, usize)) -> Result<Made, Error> {
    let began = tx.began;
    let not_made = |error: sqlx::Error| failed(began, Step::Schema, error.verdict().unsent(), Some(error.into()));
    if let Some(lock) = DB::LOCK_SCHEMA {
        tx.fetch(lock, &[]).await.map_err(not_made)?;
    }
    let texts = Arc::clone(&tx.db.texts);
    match place(tx.fetch(DB::SCHEMAS, &whose(&texts)).await.map_err(not_made)?)? {
        Place::First => {}
        Place::Later(_) if texts.schema().is_some() => {}
        Place::Later(schema) => {
            let schema = schema.escape_debug();
            return Err(misconfigured(format!(
                "the tables of resil are in the schema `{schema}`, and what is new would come into another one that is before it in \
                 `search_path`: put it first, or write `.in_schema(\"{schema}\")`"
            )));
        }
        Place::Nowhere => {
            if let Some(schema) = texts.schema() {
                const IS_THERE: &str = "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname = $1";
                if tx.fetch(IS_THERE, &[schema.name().into()]).await.map_err(not_made)?.is_empty() {
                    run(tx, format!("CREATE SCHEMA {}", schema.quoted())).await.map_err(not_made)?;
                }
            }
            run(tx, texts.once(BOOKKEEPING)).await.map_err(not_made)?;
        }
    }
    let version = number(&tx.fetch(VERSION, &[]).await.map_err(not_made)?);
    if version >= newest() {
        return Ok(Made::All);
    }
    if at.0 != version + 1 {
        *at = (version + 1, 0);
    }
    let (part, is_last) = migration::part::<DB>(*at);
    run(tx, texts.once(&part)).await.map_err(not_made)?;
    at.1 += 1;
    if !is_last {
        return Ok(Made::More);
    }
    tx.fetch(MADE, &[at.0.into()]).await.map_err(not_made)?;
    Ok(if at.0 == newest() { Made::All } else { Made::More })
}

/// Where the tables are, of the schemas that names are looked up in.
#[derive(PartialEq, Eq)]
enum Place {
    Nowhere,
    /// Where new ones come as well.
    First,
    Later(String),
}

fn place(found: Vec<Row>) -> Result<Place, Error> {
    let mut found: Vec<_> =
        found.into_iter().filter_map(|mut row| Some((row.text(0)?, row.number(1) == Some(1)))).collect();
    if found.len() > 1 {
        let schemas: Vec<_> = found.iter().map(|(schema, _)| format!("`{}`", schema.escape_debug())).collect();
        return Err(misconfigured(format!(
            "the tables of resil are in several schemas of `search_path`, {}: leave one of them out, or say whose are meant and \
             write `.in_schema(\"{}\")`",
            schemas.join(" and "),
            found[0].0.escape_debug(),
        )));
    }
    Ok(match found.pop() {
        None => Place::Nowhere,
        Some((_, true)) => Place::First,
        Some((schema, false)) => Place::Later(schema),
    })
}

/// Whose schema is asked for.
fn whose(texts: &Texts) -> [Value<'_>; 2] {
    ["resil_schema".into(), texts.schema().map(Schema::name).into()]
}

fn number(rows: &[Row]) -> i64 {
    rows.first().and_then(|row| row.number(0)).unwrap_or(0)
}

/// Our own words, and the name of a schema that is a plain one.
async fn run<DB: Backend>(tx: &mut Tx<DB>, sql: String) -> Result<(), sqlx::Error> {
    DB::own_run(tx, AssertSqlSafe(sql).into_sql_str()).await
}
