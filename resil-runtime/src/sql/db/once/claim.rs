//! The claim of a request ID: a row that is not committed yet.

use super::line::Found;
use super::{Known, OnceError, OnceProblem};
use crate::sql::db::begin::failed;
use crate::sql::db::missing::missing;
use crate::sql::db::{Backend, Db, Tx, in_millis};
use crate::transaction::{Began, Step};
use crate::{Classify, Error};
use sqlx::error::DatabaseError;
use std::time::Duration;

pub(in crate::sql::db) const TABLE: &str = "
    CREATE TABLE resil_once (
        op TEXT NOT NULL,
        id TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        outcome TEXT,
        expires BIGINT NOT NULL,
        PRIMARY KEY (op, id)
    );
    CREATE INDEX resil_once_expires ON resil_once (expires);
";

/// Answers a row to the first with this ID, and none to whoever repeats it.
#[cfg(feature = "sqlite")]
pub(in crate::sql::db) const CLAIM: &str = "
    INSERT INTO resil_once (op, id, fingerprint, expires) VALUES ($1, $2, $3, {now} + $4)
    ON CONFLICT (op, id) DO UPDATE
        SET fingerprint = excluded.fingerprint, expires = excluded.expires, outcome = NULL
        WHERE resil_once.expires <= {now}
    RETURNING op";

/// The same, which waits for the first only shortly, because it holds a connection meanwhile: 10 ms, or the user's own bound
/// if that is below 100. The body has it back.
#[cfg(feature = "postgres")]
pub(in crate::sql::db) const CLAIM_SHORTLY: &str = "
    WITH bound AS MATERIALIZED (
        SELECT before, set_config('lock_timeout', CASE WHEN before LIKE '%ms' AND length(before) <= 4 THEN before ELSE '10ms' END, true)
        FROM current_setting('lock_timeout') AS before
    )
    INSERT INTO resil_once (op, id, fingerprint, expires)
        SELECT $1, $2, $3, {now} + $4 FROM bound
    ON CONFLICT (op, id) DO UPDATE
        SET fingerprint = excluded.fingerprint, expires = excluded.expires, outcome = NULL
        WHERE resil_once.expires <= {now}
    RETURNING set_config('lock_timeout', (SELECT before FROM bound), true)";

const FIND: &str = "SELECT fingerprint, outcome FROM resil_once WHERE op = $1 AND id = $2";
/// More than are added between two sweeps, so that the table stays as large as what is kept.
const SWEEP: &str = "
    DELETE FROM resil_once WHERE (op, id) IN (
        SELECT op, id FROM resil_once WHERE expires <= {now} ORDER BY expires LIMIT 256 {skip locked}
    )";
const CLAIMS_BETWEEN_SWEEPS: u32 = 64;

impl<DB: Backend> Db<DB> {
    /// Claims the request, or finds what it was answered.
    pub(super) async fn claim_once(&self, began: Began, request: &Request) -> Result<ClaimFound<DB>, Error> {
        let failed = |error| failed_with(began, error);
        let mut tx = self.begin(began).await?;
        let Request { op, id, fingerprint, keep } = request;
        let values = [(*op).into(), (&**id).into(), (&**fingerprint).into(), in_millis(*keep).into()];
        let mut claimed = tx.fetch_shortly(DB::CLAIM_ONCE, &values).await;
        if claimed.as_ref().is_ok_and(|rows| !rows.is_empty()) && self.sweeps() {
            claimed = tx.fetch_shortly(SWEEP, &[]).await.and(claimed);
        }
        match claimed {
            Ok(rows) if rows.is_empty() => {}
            Ok(_) => return Ok(ClaimFound::First(tx)),
            Err(error) if is_to_ask_again(&error) => {
                tx.roll_back().await;
                return Ok(ClaimFound::Running);
            }
            Err(error) => return Err(failed(error)),
        }
        let mut found = tx.fetch_shortly(FIND, &[(*op).into(), (&**id).into()]).await.map_err(failed)?;
        tx.roll_back().await;
        // Its time may have ended between the two, and somebody else have swept it.
        let Some(row) = found.first_mut() else { return Ok(ClaimFound::Running) };
        let mut text = |column| row.text(column).unwrap_or_default().into();
        Ok(ClaimFound::Again(Found { fingerprint: text(0), outcome: text(1) }))
    }

    /// Whether this claim is one of those that forget what has expired. The first of a process is.
    fn sweeps(&self) -> bool {
        self.count_claim().is_multiple_of(CLAIMS_BETWEEN_SWEEPS)
    }
}

/// A request as it is claimed.
pub(super) struct Request {
    pub(super) op: &'static str,
    pub(super) id: String,
    pub(super) fingerprint: String,
    pub(super) keep: Duration,
}

impl Request {
    /// Its outcome, unless that is another request's.
    pub(super) fn is_this(&self, found: &Found) -> Result<Known, Error> {
        if *found.fingerprint != *self.fingerprint {
            return Err(OnceError::new(self.op, OnceProblem::OtherArguments).into());
        }
        Ok(Known::new(self.op, &found.outcome))
    }
}

/// What a claim has found.
pub(super) enum ClaimFound<DB: Backend> {
    First(Tx<DB>),
    Again(Found),
    Running,
}

/// PostgreSQL's `lock_not_available`: the row of the first is not committed yet. And its class 40: where the isolation level is
/// strict, it was committed after what this transaction sees, in which nothing was done so far.
fn is_to_ask_again(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code == "55P03" || code.starts_with("40"))
}

pub(super) fn failed_with(began: Began, error: sqlx::Error) -> Error {
    missing(&error).unwrap_or_else(|| failed(began, Step::Once, error.verdict().unsent(), Some(error.into())))
}
