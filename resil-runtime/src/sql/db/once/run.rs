//! `once`: the outcome of a transaction is stored in it, under operation and request ID.
//!
//! The claim is the row itself, not yet committed. Who comes second waits for it where the database makes unique rows
//! wait; if the first rolls back, so does its claim. No state "in progress" exists that a crash could leave behind.

use super::{Once, OnceError, OnceProblem};
use crate::context::Pause;
use crate::failure::Represents;
use crate::sql::db::begin::failed;
use crate::sql::db::schema::missing;
use crate::sql::db::{Backend, Db, Stored, Tx};
use crate::transaction::{Began, Holds, Step};
use crate::{Classify, Error, Failure, Verdict, clock};
use sqlx::error::DatabaseError;
use std::fmt;
use std::future::Future;
use std::panic::Location;
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

/// The same, which waits for the first only shortly, because it holds a connection meanwhile. The body has the user's own
/// bound back.
#[cfg(feature = "postgres")]
pub(in crate::sql::db) const CLAIM_SHORTLY: &str = "
    WITH bound AS MATERIALIZED (
        SELECT before, set_config('lock_timeout', CASE before WHEN '0' THEN '100ms' ELSE before END, true)
        FROM current_setting('lock_timeout') AS before
    )
    INSERT INTO resil_once (op, id, fingerprint, expires)
        SELECT $1, $2, $3, {now} + $4 FROM bound
    ON CONFLICT (op, id) DO UPDATE
        SET fingerprint = excluded.fingerprint, expires = excluded.expires, outcome = NULL
        WHERE resil_once.expires <= {now}
    RETURNING set_config('lock_timeout', (SELECT before FROM bound), true)";

const FIND: &str = "SELECT fingerprint, outcome FROM resil_once WHERE op = $1 AND id = $2";
const KEEP: &str = "UPDATE resil_once SET outcome = $3 WHERE op = $1 AND id = $2 AND outcome IS NULL RETURNING op";

/// More than are added between two sweeps, so that the table stays as large as what is kept.
const SWEEP: &str = "
    DELETE FROM resil_once WHERE (op, id) IN (
        SELECT op, id FROM resil_once WHERE expires <= {now} ORDER BY expires LIMIT 256 {skip locked}
    )";
const CLAIMS_BETWEEN_SWEEPS: u32 = 64;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// How a transaction that is to run once begins.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the first is the usual one")]
pub enum Begun<DB: Backend> {
    /// Nobody has used the request ID.
    First(Tx<DB>),
    /// It has run before.
    Again(Known),
}

/// The stored outcome of a request.
pub struct Known {
    op: &'static str,
    outcome: String,
}

/// Not what was stored, which is the client's.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Known({:?})", self.op)
    }
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
pub(in crate::sql::db) struct Claim {
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
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("shop.db");
    /// let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
    /// let db = Db::new(sqlx::SqlitePool::connect_with(options).await?);
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
        let began = Began::at(Holds::Transaction, "db.once(..)", Location::caller());
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

    pub(in crate::sql::db) async fn begin_once_at(&self, began: Began, once: Once) -> Result<Begun<DB>, Error> {
        let Once { op, id, fingerprint, keep, max_wait } = once;
        let request = Request { op, id: id?, fingerprint: fingerprint.finish(op)?, keep };
        let until = clock::after(clock::instant(), max_wait);
        loop {
            match self.claim_once(began, &request).await? {
                ClaimFound::First(mut tx) => {
                    tx.claim = Some(Claim { op, id: request.id, outcome: None });
                    return Ok(Begun::First(tx));
                }
                ClaimFound::Again(known) => return Ok(Begun::Again(known)),
                ClaimFound::Running if clock::instant() >= until => {
                    return Err(OnceError::new(op, OnceProblem::Running).into());
                }
                // Without a connection, so that impatient clients do not empty the pool.
                ClaimFound::Running => {
                    let _pause = Pause::start();
                    tokio::time::sleep(BETWEEN_TRIES.mul_f64(0.5 + fastrand::f64())).await;
                }
            }
        }
    }

    async fn claim_once(&self, began: Began, request: &Request) -> Result<ClaimFound<DB>, Error> {
        let failed = |error| failed_with(began, error);
        let mut tx = self.begin(began).await?;
        let Request { op, id, fingerprint, keep } = request;
        let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        let values = [(*op).into(), (&**id).into(), (&**fingerprint).into(), keep.into()];
        match tx.fetch(DB::CLAIM_ONCE, &values).await {
            Ok(rows) if rows.is_empty() => {}
            Ok(_) => {
                if self.sweeps() {
                    tx.fetch(SWEEP, &[]).await.map_err(failed)?;
                }
                return Ok(ClaimFound::First(tx));
            }
            Err(error) if waited_too_long(&error) => {
                tx.roll_back().await;
                return Ok(ClaimFound::Running);
            }
            Err(error) => return Err(failed(error)),
        }
        let mut found = tx.fetch(FIND, &[(*op).into(), (&**id).into()]).await.map_err(failed)?;
        tx.roll_back().await;
        let (known, outcome) = found.first_mut().map_or((None, None), |row| (row.text(0), row.text(1)));
        if known.is_some_and(|known| known != *fingerprint) {
            return Err(OnceError::new(op, OnceProblem::OtherArguments).into());
        }
        Ok(ClaimFound::Again(Known { op, outcome: outcome.unwrap_or_default() }))
    }

    /// Whether this claim is one of those that forget what has expired. The first of a process is.
    fn sweeps(&self) -> bool {
        self.count_claim().is_multiple_of(CLAIMS_BETWEEN_SWEEPS)
    }
}

/// A request as it is claimed.
struct Request {
    op: &'static str,
    id: String,
    fingerprint: String,
    keep: Duration,
}

/// What a claim has found.
#[expect(clippy::large_enum_variant, reason = "the first is the usual one")]
enum ClaimFound<DB: Backend> {
    First(Tx<DB>),
    Again(Known),
    Running,
}

/// `lock_not_available`: the database's way to say that the row of the first is not committed yet.
fn waited_too_long(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == "55P03")
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
    pub(in crate::sql::db) async fn keep_outcome(&mut self) -> Result<(), Error> {
        let Some(Claim { op, id, outcome: Some(outcome) }) = self.claim.take() else { return Ok(()) };
        let kept = self.fetch(KEEP, &[op.into(), (&*id).into(), (&*outcome).into()]).await;
        if kept.map_err(|error| failed_with(self.began, error))?.is_empty() {
            // SQLite ends a transaction by itself, for example for `ON CONFLICT ROLLBACK`, and the claim with it.
            let why = Some("a statement of the body has ended the transaction".into());
            return Err(failed(self.began, Step::Once, Verdict::permanent(), why));
        }
        Ok(())
    }
}
