//! The one door for statements of our own: the same SQL, texts and numbers on every database.

use super::begin::{LONGEST_OF_MANY, failed, longest};
use super::missing::missing;
use super::{Backend, Db, Tx};
use crate::sync::{AtomicU32, Ordering};
use crate::transaction::{Began, Holds, Step};
use crate::{Classify, Error, Site, Verdict};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::timeout;

/// A value that travels with a statement, never in its text.
#[derive(Debug, Clone, Copy)]
pub enum Value<'q> {
    Text(Option<&'q str>),
    Number(Option<i64>),
}

impl<'q> From<&'q str> for Value<'q> {
    fn from(text: &'q str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'q> From<Option<&'q str>> for Value<'q> {
    fn from(text: Option<&'q str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Text(String),
    Number(i64),
    Null,
}

/// A row of an answer.
#[derive(Debug)]
pub struct Row(pub(super) Vec<Cell>);

impl Row {
    /// Takes the text of a column; `None` if it holds none.
    pub(crate) fn text(&mut self, column: usize) -> Option<String> {
        match self.0.get_mut(column).map(|cell| std::mem::replace(cell, Cell::Null)) {
            Some(Cell::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// What stands in a column, as text.
    pub(crate) fn any(&mut self, column: usize) -> Option<String> {
        self.number(column).map(|number| number.to_string()).or_else(|| self.text(column))
    }

    /// The number of a column; `None` if it holds none.
    pub(crate) fn number(&self, column: usize) -> Option<i64> {
        match self.0.get(column) {
            Some(Cell::Number(number)) => Some(*number),
            _ => None,
        }
    }
}

/// A count of the database's.
pub(crate) fn whole(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// A time for the database's clock.
pub(crate) fn in_millis(duration: Duration) -> i64 {
    // Far beyond what is allowed anywhere, and far below what a sum with the clock could exceed.
    const MOST: i64 = 1 << 50;
    i64::try_from(duration.as_millis()).unwrap_or(MOST).min(MOST)
}

/// What the databases have different words for.
pub(super) struct Dialect {
    /// The database's clock, in milliseconds since 1970.
    pub(super) now: &'static str,
    /// The same in an `UPDATE` that needs it often, and where it comes from there.
    pub(super) clock: [&'static str; 2],
    /// Locks what is read, or what of it nobody has locked: against everybody, or against deletion alone.
    pub(super) locked: &'static str,
    pub(super) skip_locked: &'static str,
    pub(super) share_skip_locked: &'static str,
    /// Around a query for the rows that a key is among: an index is read for each of them, however many the planner expects.
    pub(super) among: [&'static str; 2],
    /// The texts of a JSON list, before and after the number of the value that holds it.
    pub(super) texts: [&'static str; 2],
    /// The same as rows with the column `value`.
    pub(super) each_text: [&'static str; 2],
    /// The elements of a JSON list as rows with the column `value`, in the same way.
    pub(super) rows: [&'static str; 2],
}

impl Dialect {
    /// A statement with all that filled in: `{now}`, `{skip locked}`, `{texts of $1}` and so on. It holds nothing else that is
    /// not written in this crate.
    fn text(&self, sql: &'static str) -> SqlStr {
        if !sql.contains('{') {
            return sql.into_sql_str();
        }
        let mut text = sql.replace("{now}", self.now).replace("{locked}", self.locked);
        text = text.replace("{clock}", self.clock[0]).replace("{from clock}", self.clock[1]);
        text = text.replace("{skip locked}", self.skip_locked).replace("{share skip locked}", self.share_skip_locked);
        text = text.replace("{among}", self.among[0]).replace("{end}", self.among[1]);
        for (what, [before, after]) in [("texts", self.texts), ("each text", self.each_text), ("rows", self.rows)] {
            for number in ["$1", "$2", "$3"] {
                text = text.replace(&format!("{{{what} of {number}}}"), &format!("{before}{number}{after}"));
            }
        }
        AssertSqlSafe(Arc::<str>::from(text)).into_sql_str()
    }
}

/// The statements in the words of one database, each made once. They are told apart by where they stand in the program.
pub(super) struct Texts {
    dialect: Dialect,
    made: RwLock<BTreeMap<(usize, usize), SqlStr>>,
}

impl Texts {
    pub(super) const fn of(dialect: Dialect) -> Self {
        Self { dialect, made: RwLock::new(BTreeMap::new()) }
    }

    pub(super) fn text(&self, sql: &'static str) -> SqlStr {
        let place = (sql.as_ptr().addr(), sql.len());
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
        made.unwrap_or_else(|| {
            let text = self.dialect.text(sql);
            self.made.write().unwrap_or_else(PoisonError::into_inner).insert(place, text.clone());
            text
        })
    }
}

/// Runs statements on one kind of database.
macro_rules! statements {
    ($database:ty, $connection:ty, $dialect:expr) => {
        async fn own_fetch(
            connection: &mut $connection,
            sql: &'static str,
            values: &[$crate::sql::db::statement::Value<'_>],
        ) -> Result<Vec<$crate::sql::db::statement::Row>, sqlx::Error> {
            use sqlx::{Row as _, TypeInfo as _, ValueRef as _};
            use $crate::sql::db::statement::{Cell, Dialect, Row, Texts, Value};
            static TEXTS: Texts = Texts::of($dialect);
            let mut query = sqlx::query::<$database>(TEXTS.text(sql));
            for value in values {
                query = match *value {
                    Value::Text(text) => query.bind(text),
                    Value::Number(number) => query.bind(number),
                };
            }
            let rows = query.fetch_all(connection).await?;
            let cell = |row: &<$database as sqlx::Database>::Row, column: usize| {
                let value = row.try_get_raw(column)?;
                Ok(match value.is_null() {
                    true => Cell::Null,
                    false if value.type_info().name() == "TEXT" => Cell::Text(row.try_get(column)?),
                    false => Cell::Number(row.try_get(column)?),
                })
            };
            let all = rows.iter().map(|row| (0..row.len()).map(|column| cell(row, column)).collect());
            all.map(|cells: Result<_, _>| cells.map(Row)).collect()
        }
    };
}
pub(super) use statements;

const SITE: Site = Site { function: "a statement of resil", file: file!(), line: line!() };

impl<DB: Backend> Db<DB> {
    /// Runs one statement of ours on a connection of its own.
    pub(crate) async fn statement(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        self.statement_within(longest(), sql, values).await
    }

    /// The same with one that goes through as many rows as there are.
    pub(crate) async fn long_statement(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        self.statement_within(LONGEST_OF_MANY, sql, values).await
    }

    async fn statement_within(
        &self,
        bound: Duration,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Error> {
        let began = Began { holds: Holds::Connection, site: SITE };
        let is_read = sql.trim_start().starts_with("SELECT");
        let _turn = if is_read { None } else { self.turn(began).await? };
        let (mut connection, metered) = self.acquire_shortly(began).await?;
        let Ok(ran) = timeout(bound, self.alone(&mut connection, sql, values)).await else {
            // The pool would wait for the rest of the answer.
            connection.close_on_drop();
            return Err(unanswered(began));
        };
        #[cfg(feature = "testing")]
        if matches!(ran, Ok(Some(_))) && crate::sql::faults::loses_answer(sql) {
            return Err(unanswered(began));
        }
        if let Some(rows) = ran.map_err(|error| not_run(began, error))? {
            return Ok(rows);
        }
        drop((connection, metered));
        let mut tx = self.own().await?;
        let ran = tx.statement_within(bound, sql, values).await;
        tx.end(ran).await
    }

    /// Runs a statement by itself; `None` if it needs a transaction, because it would run at a stricter level.
    async fn alone(
        &self,
        connection: &mut DB::Connection,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Vec<Row>>, sqlx::Error> {
        if self.is_strict(connection).await? {
            return Ok(None);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            match DB::own_fetch(connection, sql, values).await {
                Err(error) if tries < TRIES && was_rolled_back(&error) => {}
                ended => return ended.map(Some),
            }
        }
    }
}

impl<DB: Backend> Db<DB> {
    /// A transaction for statements of ours. Whatever the default, each sees what was committed before it: at a stricter level
    /// they would fail for others, and others for them.
    pub(crate) async fn own(&self) -> Result<Tx<DB>, Error> {
        self.begin_with(Began { holds: Holds::Transaction, site: SITE }, DB::own_begin_committed()).await
    }
}

impl<DB: Backend> Tx<DB> {
    /// Runs one statement of ours in this transaction.
    pub(crate) async fn statement(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        self.statement_within(longest(), sql, values).await
    }

    async fn statement_within(
        &mut self,
        bound: Duration,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Error> {
        self.fetch_within(bound, sql, values).await.map_err(|error| not_run(self.began, error))
    }

    /// The same, which leaves it to the caller what an error means.
    pub(super) async fn fetch(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, sqlx::Error> {
        self.fetch_within(longest(), sql, values).await
    }

    async fn fetch_within(
        &mut self,
        bound: Duration,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        self.standing.runs_ours();
        let rows = self.transaction.answered(bound, async |connection| DB::own_fetch(connection, sql, values).await);
        let rows = rows.await?;
        self.standing.ours_succeeded();
        Ok(rows)
    }

    /// The same with one that answers, last in its row, the mark of the transaction it ran in.
    pub(crate) async fn marked_statement(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Error> {
        let rows = self.statement(sql, values).await?;
        let mark = rows.first().and_then(|row| row.0.last());
        if mark.is_some_and(|mark| !self.standing.is_marked(matches!(mark, Cell::Text(text) if text == "open"))) {
            return Err(self.ended_early());
        }
        Ok(rows)
    }
}

/// Whether a statement by itself runs at a stricter level than our statements are written for: 0 is not known.
#[derive(Debug, Default)]
pub(super) struct Strictness(AtomicU32);

impl Strictness {
    pub(super) fn known(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            known => Some(known == 2),
        }
    }

    pub(super) fn set(&self, is_strict: Option<bool>) {
        self.0.store(is_strict.map_or(0, |is_strict| 1 + u32::from(is_strict)), Ordering::Relaxed);
    }
}

/// How often a statement is tried that the database ends for the sake of another one.
const TRIES: u32 = 4;

/// Class 40, but for the one that does not know: where the isolation level is strict, each statement is a transaction that others
/// may get into the way of.
fn was_rolled_back(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("40") && code != "40003")
}

/// Whether it was done, nobody knows.
fn unanswered(began: Began) -> Error {
    failed(began, Step::Statement, Verdict::transient(), Some("no answer in time".into()))
}

fn not_run(began: Began, error: sqlx::Error) -> Error {
    missing(&error).unwrap_or_else(|| failed(began, Step::Statement, error.verdict(), Some(error.into())))
}
