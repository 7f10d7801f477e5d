//! `once`: the outcome of a transaction is stored in it, under operation and request ID.
//!
//! The claim is the row itself, not yet committed. Who comes second waits for it where the database makes unique rows
//! wait; if the first rolls back, so does its claim. No state "in progress" exists that a crash could leave behind.

use super::begin::failed;
use super::schema::missing;
use super::{Backend, Db, Tx};
use crate::failure::Represents;
use crate::transaction::once::{Once, OnceError, OnceProblem};
use crate::transaction::{Began, Holds, Step, Stored};
use crate::{Classify, Error, Failure};
use sqlx::error::DatabaseError;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

pub(super) const TABLE: &str = "
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
pub(super) const CLAIM: &str = "
    INSERT INTO resil_once (op, id, fingerprint, expires) VALUES ($1, $2, $3, {now} + $4)
    ON CONFLICT (op, id) DO UPDATE
        SET fingerprint = excluded.fingerprint, expires = excluded.expires, outcome = NULL
        WHERE resil_once.expires <= {now}
    RETURNING 1";

/// The same, which waits for the first no longer than 10 s, or than the user's own bound. The body has that bound back.
#[cfg(feature = "postgres")]
pub(super) const CLAIM_WITHIN_TEN_SECONDS: &str = "
    WITH bound AS MATERIALIZED (
        SELECT before, set_config('lock_timeout', CASE before WHEN '0' THEN '10s' ELSE before END, true)
        FROM current_setting('lock_timeout') AS before
    )
    INSERT INTO resil_once (op, id, fingerprint, expires)
        SELECT $1, $2, $3, {now} + $4 FROM bound
    ON CONFLICT (op, id) DO UPDATE
        SET fingerprint = excluded.fingerprint, expires = excluded.expires, outcome = NULL
        WHERE resil_once.expires <= {now}
    RETURNING set_config('lock_timeout', (SELECT before FROM bound), true)";

const FIND: &str = "SELECT fingerprint, outcome FROM resil_once WHERE op = $1 AND id = $2";
const KEEP: &str = "UPDATE resil_once SET outcome = $3 WHERE op = $1 AND id = $2";

/// More than are added between two sweeps, so that the table stays as large as what is kept.
const SWEEP: &str = "
    DELETE FROM resil_once WHERE (op, id) IN (
        SELECT op, id FROM resil_once WHERE expires <= {now} ORDER BY expires LIMIT 256 {skip locked}
    )";
const CLAIMS_BETWEEN_SWEEPS: u32 = 64;

/// How a transaction that is to run once begins.
#[derive(Debug)]
pub enum Begun<DB: Backend> {
    /// Nobody has used the request ID.
    First(Tx<DB>),
    /// It has run before.
    Again(Known),
}

/// The stored outcome of a request.
#[derive(Debug)]
pub struct Known {
    op: &'static str,
    outcome: String,
}

impl Known {
    /// The outcome.
    pub fn outcome<T: Stored, E: Represents>(self) -> Result<T, E> {
        let Self { op, outcome } = self;
        T::decode(&outcome).map_err(|why| represented(op, OnceProblem::Undecodable(why)))
    }
}

fn represented<E: Represents>(op: &'static str, problem: OnceProblem) -> E {
    Failure::Policy(OnceError::new(op, problem).into()).into_error()
}

/// What a transaction is to store under its request ID.
#[derive(Debug)]
pub(super) struct Claim {
    op: &'static str,
    id: String,
    /// Once it has succeeded.
    outcome: Option<String>,
}

impl<DB: Backend> Db<DB> {
    /// Runs `body` in a transaction, once for each request ID however often it is asked: the outcome is stored in the
    /// same transaction, and whoever repeats the request gets it back.
    ///
    /// If `body` answers `Err`, panics or is dropped, the request ID rolls back with everything else, and a repeat runs
    /// afresh. Of two at once the second waits for the first. The tables come from [`migrate`](Self::migrate).
    ///
    /// # Errors
    ///
    /// As [`transaction`](Self::transaction); and, as `E` from [`Error::Once`], that the request ID is unusable or was
    /// used with other arguments, that the first request is still running, and that the stored outcome no longer
    /// decodes.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// use resil::{Db, Once};
    /// type Error = Box<dyn std::error::Error + Send + Sync>;
    ///
    /// let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    /// let db = Db::new(pool.connect("sqlite::memory:").await?);
    /// db.migrate().await?;
    /// sqlx::query("CREATE TABLE orders (item TEXT)").execute(db.pool()?).await?;
    ///
    /// for _ in 0..2 {
    ///     let once = Once::of("order.place", "request-7").argument(&"tea");
    ///     let number: i64 = db
    ///         .once(once, async |tx| {
    ///             sqlx::query("INSERT INTO orders VALUES ('tea')").execute(&mut **tx).await?;
    ///             Ok::<_, Error>(sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&mut **tx).await?)
    ///         })
    ///         .await?;
    ///     assert_eq!(number, 1);
    /// }
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))] fn main() {}
    /// ```
    #[track_caller]
    pub fn once<T, E, F>(&self, once: Once, body: F) -> impl Future<Output = Result<T, E>>
    where
        F: AsyncFnOnce(&mut Tx<DB>) -> Result<T, E>,
        T: Stored,
        E: Represents,
    {
        let began = Began::at(Holds::Transaction, Location::caller());
        async move {
            match self.begin_once_at(began, once).await {
                Ok(Begun::First(mut tx)) => {
                    let scope = tx.scope();
                    let outcome = scope.around(body(&mut tx)).await;
                    let outcome = tx.store(outcome);
                    tx.end(outcome).await
                }
                Ok(Begun::Again(known)) => known.outcome(),
                Err(error) => Err(Failure::Policy(error).into_error()),
            }
        }
    }

    pub(super) async fn begin_once_at(&self, began: Began, once: Once) -> Result<Begun<DB>, Error> {
        let Once { op, id, fingerprint, keep } = once;
        let (id, fingerprint) = (id?, fingerprint.finish(op)?);
        let mut tx = self.begin(began).await?;
        if claim::<DB>(&mut tx, op, &id, &fingerprint, keep).await.map_err(|error| not_claimed(began, op, error))? {
            if self.sweeps() {
                DB::fetch(&mut tx, SWEEP, &[]).await.map_err(|error| failed_with(began, error))?;
            }
            tx.claim = Some(Claim { op, id, outcome: None });
            return Ok(Begun::First(tx));
        }
        let mut found =
            DB::fetch(&mut tx, FIND, &[op.into(), (&*id).into()]).await.map_err(|error| failed_with(began, error))?;
        tx.roll_back().await;
        let (known, outcome) = found.first_mut().map_or((None, None), |row| (row.text(0), row.text(1)));
        if known.is_some_and(|known| known != fingerprint) {
            return Err(OnceError::new(op, OnceProblem::OtherArguments).into());
        }
        Ok(Begun::Again(Known { op, outcome: outcome.unwrap_or_default() }))
    }

    /// Whether this claim is one of those that forget what has expired. The first of a process is.
    fn sweeps(&self) -> bool {
        self.count_claim().is_multiple_of(CLAIMS_BETWEEN_SWEEPS)
    }
}

async fn claim<DB: Backend>(
    connection: &mut DB::Connection,
    op: &str,
    id: &str,
    fingerprint: &str,
    keep: Duration,
) -> Result<bool, sqlx::Error> {
    let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX / 2);
    let values = [op.into(), id.into(), fingerprint.into(), keep.into()];
    Ok(!DB::fetch(connection, DB::CLAIM_ONCE, &values).await?.is_empty())
}

fn not_claimed(began: Began, op: &'static str, error: sqlx::Error) -> Error {
    let waited_too_long = error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == "55P03");
    if waited_too_long { OnceError::new(op, OnceProblem::Running).into() } else { failed_with(began, error) }
}

fn failed_with(began: Began, error: sqlx::Error) -> Error {
    missing(&error).unwrap_or_else(|| failed(began, Step::Once, error.verdict().unsent(), Some(error.into())))
}

impl<DB: Backend> Tx<DB> {
    /// Makes what succeeded ready to be stored. What this answers is what a repeat will be answered.
    #[doc(hidden)]
    pub fn store<T: Stored, E: Represents>(&mut self, outcome: Result<T, E>) -> Result<T, E> {
        let Some(claim) = &mut self.claim else { return outcome };
        let text = outcome?.encode();
        let read_again = text.and_then(|text| Ok((T::decode(&text)?, text)));
        let (again, text) = read_again.map_err(|why| represented(claim.op, OnceProblem::Unstorable(why)))?;
        claim.outcome = Some(text);
        Ok(again)
    }

    /// Stores it, with everything else that is to be committed.
    pub(super) async fn keep_outcome(&mut self) -> Result<(), Error> {
        let Some(Claim { op, id, outcome: Some(outcome) }) = self.claim.take() else { return Ok(()) };
        let kept = DB::fetch(self, KEEP, &[op.into(), (&*id).into(), (&*outcome).into()]).await;
        kept.map(drop).map_err(|error| failed_with(self.began, error))
    }
}
