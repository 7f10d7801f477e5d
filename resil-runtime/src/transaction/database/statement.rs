//! The one door for statements of our own: the same SQL, texts and numbers on every database.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

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
pub enum Cell {
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

    /// The number of a column; `None` if it holds none.
    pub(crate) fn number(&self, column: usize) -> Option<i64> {
        match self.0.get(column) {
            Some(Cell::Number(number)) => Some(*number),
            _ => None,
        }
    }
}

/// The text of a statement, with what this database has for `{now}`, its clock in milliseconds since 1970, and for
/// `{skip locked}`. It holds nothing else that is not written in this crate.
pub(super) fn text(sql: &'static str, now: &str, skip_locked: &str) -> SqlStr {
    if !sql.contains('{') {
        return sql.into_sql_str();
    }
    AssertSqlSafe(sql.replace("{now}", now).replace("{skip locked}", skip_locked)).into_sql_str()
}

/// Runs statements on one kind of database.
macro_rules! statements {
    ($database:ty, $connection:ty, $now:literal, $skip_locked:literal) => {
        async fn fetch(
            connection: &mut $connection,
            sql: &'static str,
            values: &[$crate::transaction::database::statement::Value<'_>],
        ) -> Result<Vec<$crate::transaction::database::statement::Row>, sqlx::Error> {
            use sqlx::{Row as _, TypeInfo as _, ValueRef as _};
            use $crate::transaction::database::statement::{Cell, Row, Value, text};
            let mut query = sqlx::query::<$database>(text(sql, $now, $skip_locked));
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
