use crate::Error;
use crate::registry::misconfigured;

/// What a failed statement of ours means, if a table or a column is missing.
pub(super) fn missing(error: &sqlx::Error) -> Option<Error> {
    let sqlx::Error::Database(database) = error else { return None };
    // PostgreSQL has a code for it, SQLite only words.
    let is_missing = database.code().is_some_and(|code| code == "42P01" || code == "42703")
        || ["no such table: resil_", "no such column", "table resil_"]
            .iter()
            .any(|words| database.message().starts_with(words));
    is_missing.then(no_tables)
}

pub(super) fn no_tables() -> Error {
    let why = "the tables of resil are not in this database, or those of an older version: write `db.migrate().await?` at start";
    misconfigured(why.to_owned())
}
