use crate::Error;
use crate::registry::misconfigured;

/// What a failed statement of ours means, if a table or a column is missing, or the connection is another one than before.
pub(super) fn missing(error: &sqlx::Error) -> Option<Error> {
    let sqlx::Error::Database(database) = error else { return None };
    // PostgreSQL has a code for it, SQLite only words.
    let words = ["no such table: resil_", "no such column", "table resil_"];
    match database.code().as_deref() {
        Some("42P01" | "42703") => Some(no_tables()),
        Some("26000" | "42P05") => Some(pooled()),
        _ => words.iter().any(|words| database.message().starts_with(words)).then(no_tables),
    }
}

pub(super) fn no_tables() -> Error {
    let why = "the tables of resil are not in this database, or those of an older version: write `db.migrate().await?` at start";
    misconfigured(why.to_owned())
}

/// A prepared statement is gone, or there already.
fn pooled() -> Error {
    let why = "each transaction has another connection, as behind PgBouncer in transaction mode: write `Db::new(pool).behind_pooler()`";
    misconfigured(why.to_owned())
}
