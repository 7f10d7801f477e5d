use super::executor::{Step, executed};
use super::standing::Failing;
use super::statement::{Row, Value, statements};
use super::texts::{Dialect, Statement};
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::{Database, Execute, SqlStr};
use sqlx_core::describe::Describe;
use std::future::Future;

/// A database that [`Db`](super::Db) works with: `sqlx::Sqlite` (feature `sqlite`) and `sqlx::Postgres` (feature
/// `postgres`).
pub trait Backend: Database<Connection: Send> + sealed::Backend {}

impl<DB: Database<Connection: Send> + sealed::Backend> Backend for DB {}

/// A statement that asks for a setting, and what is wrong with a value of it.
pub(crate) type Setting = (&'static str, fn(&str) -> Option<String>);

/// What sqlx calls a database.
pub const fn database_name<DB: Backend>() -> &'static str {
    DB::NAME
}

pub(super) mod sealed {
    use super::{BoxFuture, BoxStream, Database, Describe, Dialect, Execute, Failing, Future};
    use super::{Row, Setting, SqlStr, Statement, Step, Value};

    /// A trait of a user's on top of `Backend` shares one space of names with this: so its functions are called `own_`.
    pub trait Backend: Database {
        /// Keeps a migration from running twice at once, where a transaction alone does not.
        const LOCK_SCHEMA: Option<&'static str>;

        /// Whether it has one writer at a time, for whom the others wait by trying again and again.
        const HAS_ONE_WRITER: bool;

        /// How many of our own transactions and statements that write for many may be under way at once.
        const WRITERS: usize;

        /// Begins what is to be done once: see `once.rs`.
        const CLAIM_ONCE: &'static str;

        /// Records a message of the outbox: see `outbox/store.rs`.
        const RECORD_MESSAGE: &'static str;

        /// Records an intent of the ledger: see `ledger/recording.rs`.
        const RECORD_INTENT: &'static str;

        /// Leases messages of some topics: see `outbox/store/claim.rs`.
        const CLAIM_TOPICS: &'static str;

        /// The same, whatever their topics.
        const CLAIM_ANY: &'static str;

        /// Whether a relay has to find out what is before a message in its lane, because its transaction could not.
        const SETTLES_IN: bool;

        /// How many ordering keys one transaction may have, where each takes one of the database's locks.
        const MOST_KEYS: Option<usize>;

        /// Its words for what our statements need.
        const DIALECT: &'static Dialect;

        /// Finds the schemas with the table `$1`: the schema `$2`, or if that is NULL each that names are looked up in, the first
        /// of them first. Each with whether it is where new tables come.
        const SCHEMAS: &'static str;

        /// What becomes of a transaction in which a statement fails.
        const FAILING: Failing;

        /// Marks a transaction that somebody else has begun.
        const OWN_MARK: &'static str;

        /// How a transaction begins, where it is not plain `BEGIN`. Behind a pooler nothing is left of those before it.
        fn own_begin(is_pooled: bool) -> Option<SqlStr>;

        /// How one of ours begins: each statement sees what others have committed before it.
        fn own_begin_committed(is_pooled: bool) -> Option<SqlStr>;

        /// Whether a statement by itself would run at a stricter level.
        fn own_is_strict(connection: &mut Self::Connection) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

        /// Tells the relays of other processes that there are messages, in these words.
        fn own_notify(pool: &sqlx::Pool<Self>, notify: SqlStr) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

        /// Calls `wake` whenever another process may have told so of this table, on a connection of its own, until that fails.
        fn own_listen(
            pool: &sqlx::Pool<Self>,
            table: SqlStr,
            wake: impl Fn() + Send + Sync,
        ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

        /// Whether the transaction with our mark is still open, asked once at its end, as far as that is known. Fails if a statement
        /// of it failed, so that the commit would roll it back without a word.
        fn own_is_open(
            connection: &mut Self::Connection,
            is_adopted: bool,
        ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

        /// Runs statements of ours without arguments.
        fn own_run(
            connection: &mut Self::Connection,
            sql: SqlStr,
        ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

        /// What would lose commits if it were set otherwise.
        const OWN_SETTINGS: &'static [Setting];

        /// Runs one statement of ours.
        fn own_fetch(
            connection: &mut Self::Connection,
            statement: Statement,
            values: &[Value<'_>],
        ) -> impl Future<Output = Result<Vec<Row>, sqlx::Error>> + Send;

        /// A statement of the user's, as this and the next three of an `Executor` run it.
        fn own_fetch_many<'e, 'q: 'e, E: Execute<'q, Self> + 'q>(
            connection: &'e mut Self::Connection,
            statement: E,
        ) -> BoxStream<'e, Step<Self>>;

        fn own_fetch_optional<'e, 'q: 'e, E: Execute<'q, Self> + 'q>(
            connection: &'e mut Self::Connection,
            statement: E,
        ) -> BoxFuture<'e, Result<Option<Self::Row>, sqlx::Error>>;

        fn own_prepare_with<'e>(
            connection: &'e mut Self::Connection,
            sql: SqlStr,
            parameters: &'e [Self::TypeInfo],
        ) -> BoxFuture<'e, Result<Self::Statement, sqlx::Error>>;

        fn own_describe(
            connection: &mut Self::Connection,
            sql: SqlStr,
        ) -> BoxFuture<'_, Result<Describe<Self>, sqlx::Error>>;
    }
}

#[cfg(feature = "sqlite")]
impl sealed::Backend for sqlx::Sqlite {
    // There is one writer at a time.
    const HAS_ONE_WRITER: bool = true;
    const WRITERS: usize = 1;
    const LOCK_SCHEMA: Option<&'static str> = None;
    const CLAIM_ONCE: &'static str = super::once::CLAIM;
    const RECORD_MESSAGE: &'static str = crate::sql::outbox::RECORD;
    const RECORD_INTENT: &'static str = crate::sql::ledger::RECORD;
    const CLAIM_TOPICS: &'static str = crate::sql::outbox::CLAIM_TOPICS;
    const CLAIM_ANY: &'static str = crate::sql::outbox::CLAIM_ANY;
    const SETTLES_IN: bool = false;
    const MOST_KEYS: Option<usize> = None;
    const DIALECT: &'static Dialect = &Dialect {
        now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
        clock: ["CAST(unixepoch('subsec') * 1000 AS INTEGER)", ""],
        if_open: "",
        parts: ["SAVEPOINT resil_part;", "RELEASE SAVEPOINT resil_part; SAVEPOINT resil_part;"],
        locked: "",
        skip_locked: "",
        share_skip_locked: "",
        among: ["IN (", ")"],
        texts: ["(SELECT value FROM json_each(", "))"],
        each_text: ["json_each(", ")"],
        rows: ["json_each(", ")"],
        id_of_rows: "",
        identity: "INTEGER PRIMARY KEY AUTOINCREMENT",
        bytes: "TEXT",
        no_old_claims: "
        CREATE TRIGGER resil_no_old_claims BEFORE UPDATE OF epoch ON resil_intents WHEN new.epoch = old.epoch + 1
        BEGIN SELECT RAISE(IGNORE); END;",
        // A step is one transaction.
        if_not_exists: "",
    };
    const SCHEMAS: &'static str =
        "SELECT 'main', 1 FROM sqlite_schema WHERE type = 'table' AND name = $1 AND $2 IS NULL";
    const OWN_SETTINGS: &'static [Setting] = &[
        ("PRAGMA journal_mode", |mode| {
            (mode != "wal").then(|| {
                format!(
                    "SQLite with `journal_mode = {}` is slower than with a write-ahead log, and in memory forgets: write \
                     `.journal_mode(SqliteJournalMode::Wal)` on the connect options",
                    mode.escape_debug()
                )
            })
        }),
        ("PRAGMA synchronous", |level| {
            (level != "2" && level != "3").then(|| {
                "SQLite with `synchronous` below FULL forgets commits when the power fails: write \
                 `.synchronous(SqliteSynchronous::Full)` on the connect options"
                    .to_owned()
            })
        }),
    ];

    const FAILING: Failing = Failing::MayEnd;
    // Gone when the transaction has ended.
    const OWN_MARK: &'static str = "SAVEPOINT resil_transaction";

    /// Waits for the one writer there can be before anything is read. A transaction that begins with a read and then
    /// writes would fail instead of wait.
    fn own_begin(_is_pooled: bool) -> Option<SqlStr> {
        use sqlx::SqlSafeStr;
        Some("BEGIN IMMEDIATE".into_sql_str())
    }

    fn own_begin_committed(is_pooled: bool) -> Option<SqlStr> {
        Self::own_begin(is_pooled)
    }

    async fn own_is_strict(_connection: &mut sqlx::SqliteConnection) -> Result<bool, sqlx::Error> {
        Ok(false)
    }

    async fn own_notify(_pool: &sqlx::SqlitePool, _notify: SqlStr) -> Result<(), sqlx::Error> {
        Ok(())
    }

    async fn own_listen(
        _pool: &sqlx::SqlitePool,
        _table: SqlStr,
        _wake: impl Fn() + Send + Sync,
    ) -> Result<(), sqlx::Error> {
        std::future::pending().await
    }

    async fn own_is_open(connection: &mut sqlx::SqliteConnection, is_adopted: bool) -> Result<bool, sqlx::Error> {
        // COMMIT itself fails where nothing is open, and costs no more.
        if !is_adopted {
            return Ok(true);
        }
        match sqlx::raw_sql("RELEASE SAVEPOINT resil_transaction").execute(connection).await {
            Err(error) if super::verdict::says_ended(&error) => Ok(false),
            released => released.map(|_| true),
        }
    }

    async fn own_run(connection: &mut sqlx::SqliteConnection, sql: SqlStr) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sql).execute(connection).await.map(drop)
    }

    statements!(sqlx::Sqlite, sqlx::SqliteConnection);
    executed!(sqlx::SqliteConnection);
}

#[cfg(feature = "postgres")]
impl sealed::Backend for sqlx::Postgres {
    const HAS_ONE_WRITER: bool = false;
    const WRITERS: usize = 4;
    const LOCK_SCHEMA: Option<&'static str> = Some("SELECT 1::bigint FROM pg_advisory_xact_lock(7308326948917)");
    const CLAIM_ONCE: &'static str = super::once::CLAIM_SHORTLY;
    const RECORD_MESSAGE: &'static str = crate::sql::outbox::RECORD_IN_TURN;
    const RECORD_INTENT: &'static str = crate::sql::ledger::RECORD_MARKED;
    const CLAIM_TOPICS: &'static str = crate::sql::outbox::CLAIM_TOPICS_BESIDE;
    const CLAIM_ANY: &'static str = crate::sql::outbox::CLAIM_ANY_BESIDE;
    const SETTLES_IN: bool = true;
    // PostgreSQL has room for some 6,400 unless it is told otherwise, for all transactions together.
    const MOST_KEYS: Option<usize> = Some(1000);
    const DIALECT: &'static Dialect = &Dialect {
        // Read once a statement: what changes from row to row finds nothing in an index.
        now: "(SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint)",
        // Each `{now}` is a query of its own within the statement.
        clock: ["clock.now", "FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now) AS clock"],
        parts: ["", ""],
        if_open: "AND current_setting('resil.transaction', true) = 'open'",
        locked: "FOR UPDATE",
        skip_locked: "FOR UPDATE SKIP LOCKED",
        share_skip_locked: "FOR KEY SHARE SKIP LOCKED",
        among: ["= ANY (ARRAY(", "))"],
        texts: ["(SELECT jsonb_array_elements_text((", ")::jsonb))"],
        each_text: ["jsonb_array_elements_text((", ")::jsonb) AS texts (value)"],
        rows: ["jsonb_array_elements((", ")::jsonb) AS rows (value)"],
        id_of_rows: "AND id = ANY (ARRAY(SELECT value ->> 0 FROM jsonb_array_elements(($1)::jsonb) AS rows (value)))",
        identity: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        bytes: "TEXT COLLATE \"C\"",
        no_old_claims: "
        CREATE FUNCTION {schema}resil_no_old_claims() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER resil_no_old_claims BEFORE UPDATE OF epoch ON resil_intents
            FOR EACH ROW WHEN (new.epoch = old.epoch + 1) EXECUTE FUNCTION {schema}resil_no_old_claims();",
        if_not_exists: "IF NOT EXISTS",
    };
    const SCHEMAS: &'static str = "
        SELECT space.nspname::text, CASE WHEN space.nspname = current_schema() THEN 1::bigint ELSE 0::bigint END
        FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace
        WHERE class.relname = $1 AND class.relkind IN ('r', 'p')
            AND (space.nspname = $2 OR ($2 IS NULL AND space.nspname = ANY (current_schemas(false))))
        ORDER BY array_position(current_schemas(false), space.nspname)";
    const OWN_SETTINGS: &'static [Setting] = &[
        ("SHOW fsync", lost_by_fsync),
        ("SHOW synchronous_commit", |value| {
            (value == "off").then(|| {
            "PostgreSQL with `synchronous_commit = off` forgets commits when it crashes: write `ALTER ROLE .. SET \
             synchronous_commit = on` for the role of this service, or `.options([(\"synchronous_commit\", \"on\")])` on the \
             connect options"
                .to_owned()
        })
        }),
    ];

    const FAILING: Failing = Failing::Stays;
    const OWN_MARK: &'static str = "SET LOCAL resil.transaction = 'open'";

    /// With a mark that is gone when the transaction has ended, by whatever statement.
    fn own_begin(is_pooled: bool) -> Option<SqlStr> {
        use sqlx::SqlSafeStr;
        let begin = if is_pooled {
            "BEGIN; SET LOCAL resil.transaction = 'open'; DEALLOCATE ALL"
        } else {
            "BEGIN; SET LOCAL resil.transaction = 'open'"
        };
        Some(begin.into_sql_str())
    }

    fn own_begin_committed(is_pooled: bool) -> Option<SqlStr> {
        use sqlx::SqlSafeStr;
        let begin = if is_pooled {
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL resil.transaction = 'open'; DEALLOCATE ALL"
        } else {
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL resil.transaction = 'open'"
        };
        Some(begin.into_sql_str())
    }

    async fn own_is_strict(connection: &mut sqlx::PgConnection) -> Result<bool, sqlx::Error> {
        let level: String = sqlx::query_scalar("SHOW default_transaction_isolation").fetch_one(connection).await?;
        Ok(level != "read committed")
    }

    async fn own_notify(pool: &sqlx::PgPool, notify: SqlStr) -> Result<(), sqlx::Error> {
        super::wake::notify(pool, notify).await
    }

    async fn own_listen(pool: &sqlx::PgPool, table: SqlStr, wake: impl Fn() + Send + Sync) -> Result<(), sqlx::Error> {
        super::wake::listen(pool, table, wake).await
    }

    /// PostgreSQL answers the COMMIT of a failed transaction with a successful ROLLBACK, and one outside of any with a warning.
    async fn own_is_open(connection: &mut sqlx::PgConnection, _is_adopted: bool) -> Result<bool, sqlx::Error> {
        use sqlx::Row as _;
        let row = sqlx::raw_sql("SELECT current_setting('resil.transaction', true)").fetch_one(connection).await?;
        let mark: Option<String> = row.try_get(0)?;
        Ok(mark.as_deref() == Some("open"))
    }

    async fn own_run(connection: &mut sqlx::PgConnection, sql: SqlStr) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sql).execute(connection).await.map(drop)
    }

    statements!(sqlx::Postgres, sqlx::PgConnection);
    executed!(sqlx::PgConnection);
}

/// Tests may have a server that forgets.
#[cfg(feature = "postgres")]
fn lost_by_fsync(value: &str) -> Option<String> {
    #[cfg(feature = "testing")]
    if crate::testing::Isolation::here().is_some() {
        return None;
    }
    (value == "off").then(|| {
        "PostgreSQL with `fsync = off` forgets commits, and may lose all of the database, when the machine goes down: write \
         `fsync = on` in postgresql.conf, and restart it"
            .to_owned()
    })
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::lost_by_fsync;

    #[test]
    fn a_server_that_does_not_write_through_is_refused_but_in_an_isolated_test() {
        assert_eq!(lost_by_fsync("on"), None);
        assert!(lost_by_fsync("off").is_some_and(|why| why.ends_with("restart it")));
        #[cfg(feature = "testing")]
        {
            let _scope = crate::testing::isolated();
            assert_eq!(lost_by_fsync("off"), None);
        }
    }
}
