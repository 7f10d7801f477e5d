use super::begin::{failed, longest, to_its_end};
use super::meter::Metered;
use super::once::Claim;
use super::raw::Raw;
use super::standing::Standing;
use super::verdict::{of_commit, says_ended};
use super::{Backend, Db};
use crate::failure::Represents;
use crate::mark::parameter::Transaction;
use crate::transaction::error::Step;
use crate::transaction::scope::Holding;
use crate::transaction::{Began, Scope};
use crate::{Error, Failure, Verdict};
use sqlx::{AssertSqlSafe, SqlSafeStr};
use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// An open transaction of a [`Db`](super::Db). Statements run on `&mut *tx`, as on a transaction of sqlx.
///
/// It is opened and ended by [`Db::transaction`](super::Db::transaction) or `#[transactional(tx = db)]`. Hand it on as
/// `&mut Tx<DB>`, to functions under `#[transactional(tx)]` or to plain ones. One that was begun by hand is
/// [adopted](super::Db::adopt). `&mut *tx` is the connection, for what is no statement.
///
/// Only the end of the body ends it. A statement that does, such as COMMIT or ROLLBACK, is answered with an error at the end,
/// [`Step::Ended`](crate::Step::Ended), whatever the body answers, and whether or not another transaction was begun by hand since.
/// Not seen are, on SQLite, one that was run on the connection, where the body answers `Err` or another was begun; and on
/// PostgreSQL one that was followed by another transaction which failed, where the body answers `Err`.
pub struct Tx<DB: Backend> {
    pub(super) transaction: Raw<DB>,
    pub(super) began: Began,
    /// What its outcome is to be stored under.
    pub(super) claim: Option<Box<Claim>>,
    held: HeldConnection,
    /// How many savepoints are set.
    depth: u32,
    pub(super) standing: Standing,
    /// Whom to tell of the commit.
    pub(super) db: Db<DB>,
    /// If there are messages for the outbox in it, their ordering keys, where those are limited, each with the stretch in which
    /// it had its last message.
    #[expect(clippy::box_collection, reason = "most transactions have none")]
    messages: Option<Box<HashMap<String, u32>>>,
    /// Counts the stretches in which nothing can have been undone: until a savepoint is undone, or the user has the connection.
    stretch: u32,
}

/// How a commit has ended.
enum End {
    Committed(Result<(), sqlx::Error>),
    /// A statement of the user's came before it.
    Early,
    Spoilt,
    /// By a statement that failed.
    Failed(sqlx::Error),
}

/// Ends the scope before the connection is counted as given back.
pub(super) struct HeldConnection {
    scope: Arc<Scope>,
    _metered: Metered,
    /// Where there is one writer at a time.
    _turn: Option<OwnedMutexGuard<()>>,
}

impl HeldConnection {
    pub(super) fn new(scope: Arc<Scope>, metered: Metered, turn: Option<OwnedMutexGuard<()>>) -> Self {
        Self { scope, _metered: metered, _turn: turn }
    }
}

impl Drop for HeldConnection {
    fn drop(&mut self) {
        self.scope.end();
    }
}

impl<DB: Backend> Tx<DB> {
    pub(super) fn new(
        transaction: Raw<DB>,
        standing: Standing,
        began: Began,
        held: HeldConnection,
        db: Db<DB>,
    ) -> Self {
        Self { transaction, standing, began, claim: None, held, depth: 0, db, messages: None, stretch: 1 }
    }

    /// What the body runs in.
    #[doc(hidden)]
    pub fn scope(&self) -> Holding {
        Holding(Arc::clone(&self.held.scope))
    }

    /// Runs a part of the transaction that can fail by itself: if `body` answers `Err`, only what it did is rolled back.
    ///
    /// If it is dropped half way, or panics, the whole transaction is spoilt and will not commit.
    ///
    /// # Errors
    ///
    /// What `body` answers; or, as `E` from [`Error::Transaction`], that the savepoint could not be set or released.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// # use resil::Db;
    /// type Error = Box<dyn std::error::Error + Send + Sync>;
    /// # let db = Db::new(sqlx::SqlitePool::connect("sqlite::memory:").await?);
    /// let number: i64 = db
    ///     .transaction(async |tx| {
    ///         sqlx::query("CREATE TABLE points (number INTEGER)").execute(&mut *tx).await?;
    ///         let bonus: Result<(), Error> = tx
    ///             .savepoint(async |tx| {
    ///                 sqlx::query("INSERT INTO points VALUES (100)").execute(&mut *tx).await?;
    ///                 Err("no bonus today".into())
    ///             })
    ///             .await;
    ///         assert!(bonus.is_err());
    ///         Ok::<_, Error>(sqlx::query_scalar("SELECT count(*) FROM points").fetch_one(&mut *tx).await?)
    ///     })
    ///     .await?;
    /// assert_eq!(number, 0);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))] fn main() {}
    /// ```
    pub async fn savepoint<T, E: Represents>(
        &mut self,
        body: impl AsyncFnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let (was_spoilt, name) = (self.standing.is_spoilt, format!("resil_{}", self.depth));
        let before = self.held.scope.number_after();
        // Unless this runs to its end.
        self.standing.is_spoilt = true;
        self.depth += 1;
        self.run(format!("SAVEPOINT {name}")).await.map_err(|error| self.savepoint_failed(error))?;
        let outcome = self.scope().around(body(self)).await;
        self.depth -= 1;
        let undo = if outcome.is_err() { format!("ROLLBACK TO SAVEPOINT {name}; ") } else { String::new() };
        if outcome.is_err() {
            self.stretch = self.stretch.saturating_add(1);
            drop(self.held.scope.take_after(before));
        }
        let ended = self.run(format!("{undo}RELEASE SAVEPOINT {name}")).await;
        if ended.as_ref().is_err_and(says_ended) {
            self.standing.ended();
        }
        match (outcome, ended) {
            (Ok(_), Err(_)) if self.standing.has_ended() => Err(Failure::Policy(self.ended_early()).into_error()),
            (Ok(_), Err(error)) => Err(self.savepoint_failed(error)),
            // Its own failure says more; the transaction stays spoilt.
            (Err(failure), Err(_)) => Err(failure),
            (outcome, Ok(())) => {
                // A savepoint within that was left half way is undone with this one.
                self.standing.is_spoilt = was_spoilt;
                outcome
            }
        }
    }

    async fn run(&mut self, sql: String) -> Result<(), sqlx::Error> {
        // Our own names and numbers only.
        let sql = AssertSqlSafe(sql).into_sql_str();
        self.transaction.answered(longest(), async |connection| DB::own_run(connection, sql).await).await
    }

    fn savepoint_failed<E: Represents>(&self, error: sqlx::Error) -> E {
        let verdict = super::verdict(&error).unsent();
        Failure::Policy(failed(self.began, Step::Savepoint, verdict, Some(error.into()))).into_error()
    }

    /// Commits what succeeded, rolls back what did not.
    #[doc(hidden)]
    pub async fn end<T, E: Represents>(mut self, outcome: Result<T, E>) -> Result<T, E> {
        if outcome.is_err() {
            let ended_early = self.ended_early();
            return if self.undo().await { outcome } else { Err(Failure::Policy(ended_early).into_error()) };
        }
        let kept = self.keep_outcome().await.map_err(|error| Failure::Policy(error).into_error())?;
        self.commit_it().await.map_err(|error| Failure::Policy(error).into_error())?;
        if let Some(kept) = kept {
            kept.committed();
        }
        outcome
    }

    /// A statement of the user's has ended it, and what came after that was done by itself.
    pub(super) fn ended_early(&self) -> Error {
        failed(self.began, Step::Ended, Verdict::permanent(), None)
    }

    /// There are messages for the outbox in it.
    pub(crate) fn wakes_relay(&mut self) {
        _ = self.messages.get_or_insert_default();
    }

    /// Counts an ordering key. `Err` with how many are allowed, if it is one too many.
    pub(crate) fn counts_key(&mut self, key: &str) -> Result<(), usize> {
        let Some(most) = DB::MOST_KEYS else { return Ok(()) };
        let keys = self.messages.get_or_insert_default();
        if !keys.contains_key(key) {
            if keys.len() >= most {
                return Err(most);
            }
            keys.insert(key.to_owned(), 0);
        }
        Ok(())
    }

    /// Whether a message with this ordering key is certainly before the next one in this transaction.
    pub(crate) fn has_message_of(&self, key: &str) -> bool {
        self.messages.as_ref().and_then(|keys| keys.get(key)) == Some(&self.stretch)
    }

    /// One was recorded.
    pub(crate) fn has_recorded(&mut self, key: &str) {
        let stretch = self.stretch;
        // Beyond so many nothing is known.
        if let Some(last) = self.messages.as_mut().and_then(|keys| keys.get_mut(key)).filter(|_| stretch < u32::MAX) {
            *last = stretch;
        }
    }

    async fn commit_it(self) -> Result<(), Error> {
        let ended_early = self.ended_early();
        let Self { mut transaction, began, held, standing, db, messages, .. } = self;
        let not_committed = |verdict, source| Err(failed(began, Step::Commit, verdict, source));
        let ended = to_its_end(async move {
            let looked = match standing.has_ended() {
                true => Ok(false),
                false if standing.is_asked_to_commit(DB::FAILING) => is_open(&mut transaction).await,
                false => Ok(true),
            };
            match looked {
                Ok(false) => {
                    transaction.put_right().await;
                    return End::Early;
                }
                Ok(true) | Err(_) if standing.is_spoilt => return End::Spoilt,
                Ok(true) => {}
                Err(error) => return End::Failed(error),
            }
            let committed = transaction.commit().await;
            let after = held.scope.take_after(0);
            drop(held);
            if committed.is_ok() {
                for task in after {
                    tokio::spawn(task);
                }
                if messages.is_some() {
                    db.wake_relays();
                }
            }
            match committed {
                Err(error) if says_ended(&error) => End::Early,
                committed => End::Committed(committed),
            }
        });
        match ended.await {
            #[cfg(feature = "testing")]
            Some(End::Committed(Ok(()))) if crate::sql::faults::loses_commit(&began) => {
                not_committed(Verdict::transient(), Some("lost for a test".into()))
            }
            Some(End::Committed(Ok(()))) => Ok(()),
            Some(End::Committed(Err(error))) => not_committed(of_commit(&error), Some(error.into())),
            Some(End::Early) => Err(ended_early),
            Some(End::Spoilt) => {
                not_committed(Verdict::permanent().unsent(), Some("a savepoint was left half way".into()))
            }
            Some(End::Failed(error)) => not_committed(super::verdict(&error).unsent(), Some(error.into())),
            None => not_committed(Verdict::transient(), Some("no answer in time".into())),
        }
    }

    /// Rolls back what was done in it: for a transaction that was [adopted](super::Db::adopt). Dropping it does the same, some time
    /// later.
    pub async fn roll_back(self) {
        self.undo().await;
    }

    /// Answers `false` if a statement had ended it before, so that something may be committed.
    async fn undo(self) -> bool {
        let Self { mut transaction, held, standing, .. } = self;
        let undone = to_its_end(async move {
            let is_open = match standing.is_asked_to_roll_back(DB::FAILING) {
                true if standing.has_ended() => false,
                // One that has failed answers nothing else.
                true => is_open(&mut transaction).await.unwrap_or(true),
                false => true,
            };
            if is_open {
                // If it fails, so does the connection, and the pool closes it.
                _ = transaction.roll_back().await;
            } else {
                transaction.put_right().await;
            }
            drop(held);
            is_open
        });
        undone.await.unwrap_or(true)
    }

    /// The connection for a statement of the user's, and who is to be told of it.
    pub(super) fn lent(&mut self) -> (&mut DB::Connection, Option<&mut Standing>) {
        self.stretch = self.stretch.saturating_add(1);
        (&mut self.transaction, Some(&mut self.standing))
    }
}

pub(super) async fn is_open<DB: Backend>(transaction: &mut Raw<DB>) -> Result<bool, sqlx::Error> {
    let is_adopted = matches!(transaction, Raw::Adopted(_));
    transaction.answered(longest(), async |connection: &mut _| DB::own_is_open(connection, is_adopted).await).await
}

impl<DB: Backend> Deref for Tx<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.transaction
    }
}

impl<DB: Backend> DerefMut for Tx<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        self.standing.lent();
        self.stretch = self.stretch.saturating_add(1);
        &mut self.transaction
    }
}

impl<DB: Backend> fmt::Debug for Tx<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tx({})", self.began)
    }
}

impl<DB: sqlx::Database> Transaction for sqlx::Transaction<'_, DB> {}
impl<DB: Backend> Transaction for Tx<DB> {}
