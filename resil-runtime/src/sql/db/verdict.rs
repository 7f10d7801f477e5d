//! What an error of sqlx means.

use crate::{Classify, Verdict};
use sqlx::Error;
use sqlx::error::DatabaseError;

impl Classify for Error {
    fn verdict(&self) -> Verdict {
        verdict(self).ours()
    }
}

pub(crate) fn verdict(error: &Error) -> Verdict {
    match error {
        Error::Io(error) => error.verdict(),
        Error::WorkerCrashed => Verdict::transient(),
        Error::PoolTimedOut => Verdict::transient().unsent(),
        Error::RowNotFound | Error::InvalidArgument(_) | Error::Encode(_) | Error::InvalidSavePointStatement => {
            Verdict::caller()
        }
        Error::PoolClosed | Error::Configuration(_) | Error::Tls(_) | Error::BeginFailed => {
            Verdict::permanent().unsent()
        }
        Error::Database(error) => refused(&**error),
        _ => Verdict::permanent(),
    }
}

/// What the database says itself. A statement that it refuses has done nothing.
fn refused(error: &dyn DatabaseError) -> Verdict {
    let code = error.code().unwrap_or_default();
    match state(&code) {
        State::Postgres("40" | "53") | State::Sqlite(5 | 6) => Verdict::transient().unsent(),
        State::Postgres("55" | "57") if matches!(&*code, "55P03" | "57014") => Verdict::transient().unsent(),
        State::Postgres("08" | "57" | "58") => Verdict::transient(),
        State::Postgres("22" | "23") | State::Sqlite(18..=20) => Verdict::caller(),
        State::Postgres("25" | "28" | "3D" | "42") | State::Sqlite(1 | 3 | 8 | 13 | 14 | 23 | 26) => {
            Verdict::permanent().unsent()
        }
        _ => Verdict::permanent(),
    }
}

/// What a failed COMMIT means: nothing was done only where the database says so itself.
pub(super) fn of_commit(error: &Error) -> Verdict {
    let Error::Database(database) = error else { return Verdict::transient() };
    let code = database.code().unwrap_or_default();
    match state(&code) {
        // Broken connection, shutdown, trouble of the machine: it may have been done before.
        State::Postgres("08" | "57" | "58") => Verdict::transient(),
        State::Postgres(_) | State::Sqlite(5 | 6 | 13 | 19) => refused(&**database).unsent(),
        // A statement had ended the transaction, and what came after it was done one by one.
        State::Sqlite(1) => Verdict::permanent(),
        State::Sqlite(_) => Verdict::transient(),
    }
}

enum State<'a> {
    /// The class of an SQLSTATE.
    Postgres(&'a str),
    /// A primary result code.
    Sqlite(u32),
}

fn state(code: &str) -> State<'_> {
    match (code.len(), code.parse::<u32>()) {
        (5, _) => State::Postgres(code.get(..2).unwrap_or_default()),
        (_, Ok(number)) => State::Sqlite(number & 0xff),
        _ => State::Sqlite(0),
    }
}
