//! The one door for statements of our own: the same SQL, texts and numbers on every database.

use super::begin::{LONGEST_OF_MANY, failed, longest};
use super::missing::missing;
use super::raw::Raw;
use super::tx::is_open;
use super::verdict::says_ended;
use super::{Backend, Db, Tx};
use crate::sync::{AtomicU32, Ordering};
use crate::transaction::{Began, Holds, Step};
use crate::{Classify, Error, Site};
use std::time::Duration;

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

/// As an element of a JSON list, by which many values come as one.
impl serde::Serialize for Value<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Number(number) => number.serialize(serializer),
        }
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

/// Runs statements on one kind of database.
macro_rules! statements {
    ($database:ty, $connection:ty) => {
        async fn own_fetch(
            connection: &mut $connection,
            statement: $crate::sql::db::texts::Statement,
            values: &[$crate::sql::db::statement::Value<'_>],
        ) -> Result<Vec<$crate::sql::db::statement::Row>, sqlx::Error> {
            use sqlx::{Row as _, TypeInfo as _, ValueRef as _};
            use $crate::sql::db::statement::{Cell, Row, Value};
            let mut query = sqlx::query::<$database>(statement.text).persistent(statement.is_kept);
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

    /// A statement in the words of this database.
    #[cfg(all(test, feature = "sqlite"))]
    pub(crate) fn text_of(&self, sql: &str) -> String {
        self.texts.once(sql)
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
        let (connection, metered) = self.acquire_shortly(began).await?;
        let mut connection = Raw::alone(connection);
        let ran = connection.answered(bound, async |connection| self.alone(connection, sql, values).await).await;
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
            match DB::own_fetch(connection, self.texts.statement(sql), values).await {
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
        self.begin_with(Began { holds: Holds::Transaction, site: SITE }, self.own_begin()).await
    }

    /// How one begins.
    pub(super) fn own_begin(&self) -> Option<sqlx::SqlStr> {
        DB::own_begin_committed(self.texts.is_pooled())
    }
}

impl<DB: Backend> Tx<DB> {
    /// Runs one statement of ours that begins a part of this transaction: `None` if the part before has ended it, as far as this
    /// statement can tell.
    pub(crate) async fn statement_of_part(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Vec<Row>>, Error> {
        if self.standing.has_ended() {
            return Ok(None);
        }
        match self.fetch_within(longest(), sql, values).await {
            Err(error) if says_ended(&error) => Ok(None),
            rows => rows.map(Some).map_err(|error| not_run(self.began, error)),
        }
    }

    /// Whether it is still open, where that can be asked for.
    pub(crate) async fn is_open(&mut self) -> Result<bool, Error> {
        if self.standing.has_ended() {
            return Ok(false);
        }
        is_open(&mut self.transaction).await.map_err(|error| not_run(self.began, error))
    }

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
    pub(super) async fn fetch_shortly(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        self.fetch_within(longest(), sql, values).await
    }

    /// The same with one that may wait for others, or goes through as many rows as there are.
    pub(super) async fn fetch(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, sqlx::Error> {
        self.fetch_within(LONGEST_OF_MANY, sql, values).await
    }

    async fn fetch_within(
        &mut self,
        bound: Duration,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        self.standing.runs_ours();
        let statement = self.db.texts.statement(sql);
        let fetch = async |connection: &mut _| DB::own_fetch(connection, statement, values).await;
        let rows = self.transaction.answered(bound, fetch);
        let rows = rows.await?;
        self.standing.ours_succeeded();
        Ok(rows)
    }

    /// The same with one that answers, last in its row, the mark of the transaction it ran in, or `unknown`.
    pub(crate) async fn marked_statement(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Error> {
        let rows = self.statement(sql, values).await?;
        let is_marked = match rows.first().and_then(|row| row.0.last()) {
            None => true,
            Some(Cell::Text(mark)) if mark == "unknown" => true,
            Some(mark) => self.standing.is_marked(matches!(mark, Cell::Text(mark) if mark == "open")),
        };
        if is_marked { Ok(rows) } else { Err(self.ended_early()) }
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
#[cfg(feature = "testing")]
fn unanswered(began: Began) -> Error {
    failed(began, Step::Statement, crate::Verdict::transient(), Some("no answer in time".into()))
}

fn not_run(began: Began, error: sqlx::Error) -> Error {
    missing(&error).unwrap_or_else(|| failed(began, Step::Statement, error.verdict(), Some(error.into())))
}
