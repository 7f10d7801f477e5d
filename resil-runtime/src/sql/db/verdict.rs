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
    of_code(&error.code().unwrap_or_default())
}

/// The table is in the documentation of `Classify`.
fn of_code(code: &str) -> Verdict {
    match state(code) {
        // The one of its class that does not know.
        Code::Postgres("40") if code == "40003" => Verdict::transient(),
        Code::Postgres("40" | "53") | Code::Sqlite(5 | 6 | 9 | 15 | 17) => Verdict::transient().unsent(),
        // Refused by a standby, for which a failover has left us; ended by the database, for what had not begun yet.
        Code::Postgres(_) if PASSES.contains(&code) => Verdict::transient().unsent(),
        Code::Postgres("57") if code == "57P04" => Verdict::permanent(),
        Code::Postgres("08" | "57" | "58") => Verdict::transient(),
        Code::Postgres("22" | "23" | "44") | Code::Sqlite(18..=20) => Verdict::caller(),
        Code::Postgres("0A" | "25" | "26" | "28" | "3B" | "3D" | "3F" | "42" | "54" | "55")
        | Code::Sqlite(1 | 3 | 8 | 13 | 14 | 23 | 26) => Verdict::permanent().unsent(),
        _ => Verdict::permanent(),
    }
}

/// What passes, of classes that do not, and was not done, of classes where that is unknown.
const PASSES: [&str; 11] = [
    "08001", // sqlclient_unable_to_establish_sqlconnection
    "08004", // sqlserver_rejected_establishment_of_sqlconnection
    "25006", // read_only_sql_transaction
    "25P03", // idle_in_transaction_session_timeout
    "25P04", // transaction_timeout
    "55006", // object_in_use
    "55P03", // lock_not_available
    "57014", // query_canceled
    "57P03", // cannot_connect_now
    "57P05", // idle_session_timeout
    "72000", // snapshot_too_old
];

/// What a failed COMMIT means: nothing was done only where the database says so itself.
pub(super) fn of_commit(error: &Error) -> Verdict {
    match error {
        Error::Database(error) => of_commit_code(&error.code().unwrap_or_default()),
        _ => Verdict::transient(),
    }
}

/// Whether the transaction was over when this was to end it, or a savepoint in it, which is gone then.
pub(super) fn says_ended(error: &Error) -> bool {
    let Error::Database(error) = error else { return false };
    let code = error.code().unwrap_or_default();
    matches!(&*code, "25P01" | "3B001") || matches!(state(&code), Code::Sqlite(1))
}

fn of_commit_code(code: &str) -> Verdict {
    match state(code) {
        // Ended before it came to the COMMIT.
        Code::Postgres("57") if matches!(code, "57P03" | "57P05") => Verdict::transient().unsent(),
        // Broken connection, shutdown, trouble of the machine: it may have been done before.
        Code::Postgres("08" | "57" | "58") => Verdict::transient(),
        Code::Postgres(_) if code == "40003" => Verdict::transient(),
        // It does not know itself; or a statement had ended the transaction, and what came after it was done one by one.
        Code::Postgres("XX") | Code::Sqlite(1) => Verdict::permanent(),
        Code::Postgres(_) | Code::Sqlite(5 | 6 | 13 | 19) => of_code(code).unsent(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Effect, Kind};

    /// Codes, what a statement that is refused with one means, and what a COMMIT does. Each class of PostgreSQL has its row.
    #[test]
    fn each_code_says_what_passes_and_what_was_done() {
        let (passing, refused, broken, wrong) = (
            (Kind::Transient, Effect::None),
            (Kind::Permanent, Effect::None),
            (Kind::Permanent, Effect::Unknown),
            (Kind::Caller, Effect::None),
        );
        let in_doubt = (Kind::Transient, Effect::Unknown);
        let table: [(&[&str], _, _); 21] = [
            (&["40000", "40001", "40002", "40P01"], passing, passing),
            (&["40003"], in_doubt, in_doubt),
            (&["53000", "53100", "53200", "53300", "53400"], passing, passing),
            (&["25006", "25P03", "25P04", "55006", "55P03", "72000"], passing, passing),
            (&["57P03", "57P05"], passing, passing),
            (&["57014"], passing, in_doubt),
            (&["57000", "57P01", "57P02", "57P06", "58000", "58030", "58P01"], in_doubt, in_doubt),
            (&["57P04"], broken, in_doubt),
            (&["08000", "08003", "08006", "08007", "08P01"], in_doubt, in_doubt),
            (&["08001", "08004"], passing, in_doubt),
            (&["22001", "22012", "23000", "23502", "23505", "23514", "23P01", "44000"], wrong, wrong),
            (
                &["25000", "25001", "25P01", "25P02", "0A000", "26000", "28000", "28P01", "3B001", "3D000"],
                refused,
                refused,
            ),
            (&["3F000", "42501", "42601", "42P01", "42P05", "54000", "54001", "55000", "55P02"], refused, refused),
            (&["XX000", "XX001", "XX002"], broken, broken),
            (
                &["03000", "09000", "0B000", "0F000", "0L000", "0P000", "0Z000", "20000", "21000", "24000"],
                broken,
                refused,
            ),
            (
                &["27000", "2B000", "2D000", "2F000", "34000", "38000", "39000", "F0000", "HV000", "P0001"],
                broken,
                refused,
            ),
            (&["5", "261", "517", "6", "262"], passing, passing),
            (&["9", "15", "17"], passing, in_doubt),
            (&["18", "20"], wrong, in_doubt),
            (&["19", "787", "1555", "2067"], wrong, wrong),
            (&["3", "8", "1032", "14", "23", "26"], refused, in_doubt),
        ];
        for (codes, statement, commit) in table {
            for code in codes {
                let of = |verdict: Verdict| (verdict.kind, verdict.effect);
                assert_eq!((of(of_code(code)), of(of_commit_code(code))), (statement, commit), "{code}");
            }
        }
        let sqlite =
            [("1", refused, broken), ("13", refused, refused), ("10", broken, in_doubt), ("11", broken, in_doubt)];
        for (code, statement, commit) in sqlite {
            let of = |verdict: Verdict| (verdict.kind, verdict.effect);
            assert_eq!((of(of_code(code)), of(of_commit_code(code))), (statement, commit), "{code}");
        }
    }
}
