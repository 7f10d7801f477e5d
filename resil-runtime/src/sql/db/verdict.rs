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
        Code::Postgres("40" | "53") | Code::Sqlite(5 | 6) => Verdict::transient().unsent(),
        Code::Postgres("55" | "57") if matches!(&*code, "55P03" | "57014") => Verdict::transient().unsent(),
        Code::Postgres("08" | "57" | "58") => Verdict::transient(),
        Code::Postgres("22" | "23") | Code::Sqlite(18..=20) => Verdict::caller(),
        Code::Postgres("25" | "28" | "3D" | "42") | Code::Sqlite(1 | 3 | 8 | 13 | 14 | 23 | 26) => {
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
        Code::Postgres("08" | "57" | "58") => Verdict::transient(),
        Code::Postgres(_) | Code::Sqlite(5 | 6 | 13 | 19) => refused(&**database).unsent(),
        // A statement had ended the transaction, and what came after it was done one by one.
        Code::Sqlite(1) => Verdict::permanent(),
        Code::Sqlite(_) => Verdict::transient(),
    }
}

enum Code<'a> {
    /// The class of an SQLSTATE.
    Postgres(&'a str),
    /// A primary result code.
    Sqlite(u32),
}

fn state(code: &str) -> Code<'_> {
    match (code.len(), code.parse::<u32>()) {
        (5, _) => Code::Postgres(code.get(..2).unwrap_or_default()),
        (_, Ok(number)) => Code::Sqlite(number & 0xff),
        _ => Code::Sqlite(0),
    }
}
