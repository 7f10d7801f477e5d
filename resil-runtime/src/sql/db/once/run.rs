//! `once`: the outcome of a transaction is stored in it, under operation and request ID.
//!
//! The claim is the row itself, not yet committed. Who comes second waits for it where the database makes unique rows
//! wait; if the first rolls back, so does its claim. No state "in progress" exists that a crash could leave behind.

use super::claim::{ClaimFound, Request, failed_with};
use super::line::{Found, Place};
use super::{Once, OnceError, OnceProblem};
use crate::context::Pause;
use crate::failure::Represents;
use crate::sql::db::begin::first_of;
use crate::sql::db::{Backend, Db, Stored, Tx};
use crate::transaction::{Began, Holds};
use crate::{Error, Failure, clock};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// Answers whether it took longer than it is kept.
const KEEP: &str = "
    UPDATE resil_once SET outcome = $3 WHERE op = $1 AND id = $2 AND outcome IS NULL
    RETURNING CAST(CASE WHEN expires <= {now} THEN 1 ELSE 0 END AS BIGINT)";

const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// How a transaction that is to run once begins.
#[derive(Debug)]
pub enum Begun<DB: Backend> {
    /// Nobody has used the request ID.
    First(Tx<DB>),
    /// It has run before.
    Again(Known),
}

/// The stored outcome of a request.
pub struct Known {
    op: &'static str,
    outcome: Arc<str>,
}

/// Not what was stored, which is the client's.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Known({:?})", self.op)
    }
}

impl Known {
    pub(super) fn new(op: &'static str, outcome: &Arc<str>) -> Self {
        Self { op, outcome: Arc::clone(outcome) }
    }

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
    fingerprint: String,
    /// Those behind it wait for its end.
    place: Place,
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
    /// As [`transaction`](Self::transaction); and, as `E` from [`Error::Once`], that the request ID was used
    /// with other arguments, that the first request is still running, and that the stored outcome no longer
    /// decodes.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// use resil::{Db, Once, RequestKey};
    /// type Error = Box<dyn std::error::Error + Send + Sync>;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("shop.db");
    /// let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
    /// let db = Db::new(sqlx::SqlitePool::connect_with(options).await?);
    /// db.migrate().await?;
    /// sqlx::query("CREATE TABLE orders (item TEXT)").execute(db.pool()?).await?;
    ///
    /// let key: RequestKey = "from-the-header".parse()?;
    /// for _ in 0..2 {
    ///     let once = Once::of("order.place", key.of("alice")).argument(&"tea");
    ///     let number: i64 = db
    ///         .once(once, async |tx| {
    ///             sqlx::query("INSERT INTO orders VALUES ('tea')").execute(&mut *tx).await?;
    ///             Ok::<_, Error>(sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&mut *tx).await?)
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
        let request = Request { op, id, fingerprint: fingerprint.finish(op)?, keep };
        let until = clock::after(clock::instant(), max_wait);
        first_of(self.database())?;
        let mut place = Place::of(&self.shared.lines, op, &request.id);
        let pause = Pause::start();
        if let Some(found) = place.first(until).await? {
            return request.is_this(&found).map(Begun::Again);
        }
        drop(pause);
        loop {
            match self.claim_once(began, &request).await? {
                ClaimFound::First(mut tx) => {
                    let Request { id, fingerprint, .. } = request;
                    tx.claim = Some(Box::new(Claim { op, id, fingerprint, place, outcome: None }));
                    return Ok(Begun::First(tx));
                }
                ClaimFound::Again(found) => {
                    let known = request.is_this(&found);
                    place.tell(found);
                    return known.map(Begun::Again);
                }
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
    pub(in crate::sql::db) async fn keep_outcome(&mut self) -> Result<Option<Kept>, Error> {
        let Some(Claim { op, id, fingerprint, place, outcome: Some(outcome) }) = self.claim.take().map(|claim| *claim)
        else {
            return Ok(None);
        };
        let kept = self.fetch_shortly(KEEP, &[op.into(), (&*id).into(), (&*outcome).into()]).await;
        match kept.map_err(|error| failed_with(self.began, error))?.first().map(|row| row.number(0)) {
            // SQLite ends a transaction by itself, for example for `ON CONFLICT ROLLBACK`, and the claim with it.
            None => Err(self.ended_early()),
            Some(Some(0)) => Ok(Some(Kept(place, Found { fingerprint: fingerprint.into(), outcome: outcome.into() }))),
            Some(_) => Err(OnceError::new(op, OnceProblem::Outlived).into()),
        }
    }
}

/// An outcome that is stored once its transaction is committed.
pub(in crate::sql::db) struct Kept(Place, Found);

impl Kept {
    pub(in crate::sql::db) fn committed(self) {
        self.0.tell(self.1);
    }
}
