use super::begin::{failed, first_of, to_its_end};
use super::meter::{Meter, Metered};
use super::once::Lines;
use super::raw::Raw;
use super::seen::Seen;
use super::standing::Standing;
use super::statement::Strictness;
use super::texts::Texts;
use super::tx::HeldConnection;
use super::wake::Wake;
use super::{Backend, Begun, HeldBy, Once, RequestId, Transactional, Tx};
use crate::context::Pause;
use crate::failure::Represents;
use crate::registry::{Backlogs, Registry, Watched};
use crate::sync::{AtomicU32, Ordering};
use crate::transaction::error::Step;
use crate::transaction::scope::Holding;
use crate::transaction::{Began, Holds, Scope};
use crate::{Classify, Error, Failure, Verdict};
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, Pool, SqlStr};
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// A pool of connections whose transactions the guard of `#[outside_transaction]` knows of. Cheap to clone.
///
/// It wraps an sqlx pool. Statements go through [`transaction`](Self::transaction), [`connection`](Self::connection) or,
/// one by one, [`pool`](Self::pool).
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// use resil::Db;
/// type Error = Box<dyn std::error::Error + Send + Sync>;
///
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("shop.db");
/// let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
/// let db = Db::new(sqlx::SqlitePool::connect_with(options).await?);
/// let stock: i64 = db
///     .transaction(async |tx| {
///         sqlx::query("CREATE TABLE stock (item TEXT, number INTEGER)").execute(&mut *tx).await?;
///         sqlx::query("INSERT INTO stock VALUES ('tea', 7)").execute(&mut *tx).await?;
///         Ok::<_, Error>(sqlx::query_scalar("SELECT number FROM stock").fetch_one(&mut *tx).await?)
///     })
///     .await?;
/// assert_eq!(stock, 7);
/// # Ok(()) }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
pub struct Db<DB: Backend> {
    pool: Pool<DB>,
    pub(super) shared: Arc<OfClones>,
    /// Our statements.
    pub(super) texts: Arc<Texts>,
    /// For single statements of ours, when the application has all of the pool.
    reserve: Option<Pool<DB>>,
}

/// So long a statement of ours waits for a connection of the pool, before it takes the one in reserve.
const BEFORE_RESERVE: Duration = Duration::from_millis(50);

/// What all clones of a [`Db`] share.
#[derive(Debug, Default)]
pub(super) struct OfClones {
    meter: Arc<Meter>,
    /// What waits in it, as our workers saw it last.
    seen: Arc<Seen>,
    /// How many transactions were to run once.
    claims: AtomicU32,
    /// Where those with the same request ID stand.
    pub(super) lines: Arc<Lines>,
    /// Told when messages were committed to the outbox.
    pub(super) wake: Wake,
    /// At which level a statement by itself runs, once that was asked.
    isolation: Strictness,
    /// Where writers queue up.
    turns: Arc<Mutex<()>>,
}

impl<DB: Backend> Db<DB> {
    /// Takes over a pool. Nothing else should open transactions on it: those are not seen.
    pub fn new(pool: Pool<DB>) -> Self {
        let shared = Arc::<OfClones>::default();
        Registry::with(|states| states.watch(Arc::<OfClones>::downgrade(&shared)));
        Self { pool, shared, texts: Arc::new(Texts::of(DB::DIALECT)), reserve: None }
    }

    /// The same database, with our statements as these have them.
    #[cfg(feature = "postgres")]
    pub(super) fn with_texts(self, texts: Texts) -> Self {
        Self { texts: Arc::new(texts), ..self }
    }

    /// The same database, with a connection beside the pool that nobody else can take. It is made when it is needed.
    pub(crate) fn with_reserve(&self) -> Self {
        let options = self.pool.options().clone().min_connections(0).max_connections(1);
        let reserve = options.connect_lazy_with((*self.pool.connect_options()).clone());
        Self { reserve: Some(reserve), ..self.clone() }
    }

    /// Runs `body` in a transaction: commits if it answers `Ok`, rolls back if it answers `Err`, panics or is dropped.
    ///
    /// On SQLite it begins with `BEGIN IMMEDIATE`, so that it waits for another writer instead of failing half way.
    /// BEGIN and COMMIT run to their end even if this future is dropped meanwhile; then the outcome of the COMMIT is
    /// unknown to the caller.
    ///
    /// # Errors
    ///
    /// What `body` answers; or, as `E` from [`Error::Transaction`], that it could not begin, that the commit was refused
    /// (nothing was done) or not answered (the outcome is unknown), and that a transaction or connection of this
    /// database is held by the caller already.
    #[track_caller]
    pub fn transaction<T, E, F>(&self, body: F) -> impl Future<Output = Result<T, E>>
    where
        F: AsyncFnOnce(&mut Tx<DB>) -> Result<T, E>,
        E: Represents,
    {
        let began = Began::at(Holds::Transaction, "db.transaction(..)", Location::caller());
        async move {
            let mut tx = self.begin(began).await.map_err(|error| Failure::Policy(error).into_error())?;
            let scope = tx.scope();
            let outcome = scope.around(body(&mut tx)).await;
            tx.end(outcome).await
        }
    }

    /// Runs `body` with a connection of its own, which goes back to the pool when it ends or is dropped. No transaction
    /// is open; an external call inside is refused all the same, because it would hold the connection.
    ///
    /// # Errors
    ///
    /// What `body` answers; or, as `E` from [`Error::Transaction`], that there was no connection, and that a transaction
    /// or connection of this database is held by the caller already.
    #[track_caller]
    pub fn connection<T, E, F>(&self, body: F) -> impl Future<Output = Result<T, E>>
    where
        F: AsyncFnOnce(&mut Connection<DB>) -> Result<T, E>,
        E: Represents,
    {
        let began = Began::at(Holds::Connection, "db.connection(..)", Location::caller());
        async move {
            let (connection, metered) =
                self.acquire(began).await.map_err(|error| Failure::Policy(error).into_error())?;
            let mut connection =
                Connection { connection, scope: Scope::hold(began, self.database()), _metered: metered };
            let scope = Holding(Arc::clone(&connection.scope));
            scope.around(body(&mut connection)).await
        }
    }

    /// The pool, for single statements: each holds a connection as long as it runs. What is held longer belongs in
    /// [`connection`](Self::connection) or [`transaction`](Self::transaction), or else the guard does not see it.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] while the caller holds a transaction or connection of this database: the statement would
    /// run outside of it, and wait for a second connection.
    pub fn pool(&self) -> Result<&Pool<DB>, Error> {
        first_of(self.database())?;
        Ok(&self.pool)
    }

    /// How long connections were held, a line each place, those that held longest first.
    pub fn held(&self) -> Vec<HeldBy> {
        self.shared.meter.held()
    }

    pub(crate) async fn begin(&self, began: Began) -> Result<Tx<DB>, Error> {
        let turn = self.turn(began).await?;
        let acquired = self.acquire(began).await?;
        self.begin_on(acquired, began, turn, DB::own_begin(self.texts.is_pooled())).await
    }

    /// Begins for statements of ours alone with this statement instead of plain BEGIN, on the connection in reserve if there
    /// is no other.
    pub(super) async fn begin_with(&self, began: Began, statement: Option<SqlStr>) -> Result<Tx<DB>, Error> {
        let turn = self.turn(began).await?;
        let acquired = self.acquire_shortly(began).await?;
        self.begin_on(acquired, began, turn, statement).await
    }

    async fn begin_on(
        &self,
        (connection, metered): (PoolConnection<DB>, Metered),
        began: Began,
        turn: Option<OwnedMutexGuard<()>>,
        statement: Option<SqlStr>,
    ) -> Result<Tx<DB>, Error> {
        let step = to_its_end(async move {
            // Sqlx's own ways wait for a connection and begin in one step, and only the first of the two may be dropped.
            Raw::begin(connection, statement).await.map(|transaction| (transaction, metered))
        });
        match step.await {
            Some(Ok((transaction, metered))) => {
                let held = HeldConnection::new(Scope::hold(began, self.database()), metered, turn);
                Ok(Tx::new(transaction, Standing::begun(), began, held, self.clone()))
            }
            Some(Err(error)) => Err(failed(began, Step::Begin, error.verdict().unsent(), Some(error.into()))),
            None => Err(failed(began, Step::Begin, Verdict::transient().unsent(), None)),
        }
    }

    pub(super) async fn acquire(&self, began: Began) -> Result<(PoolConnection<DB>, Metered), Error> {
        first_of(self.database())?;
        let _pause = Pause::start();
        loop {
            if let Some(taken) = self.taken(began, self.pool.acquire().await) {
                return taken;
            }
        }
    }

    /// A connection for one statement of ours, or few.
    pub(super) async fn acquire_shortly(&self, began: Began) -> Result<(PoolConnection<DB>, Metered), Error> {
        let Some(reserve) = &self.reserve else { return self.acquire(began).await };
        first_of(self.database())?;
        loop {
            let in_reserve = async {
                tokio::time::sleep(BEFORE_RESERVE).await;
                match reserve.acquire().await {
                    Ok(connection) => connection,
                    // What the pool says comes later, and counts.
                    Err(_) => std::future::pending().await,
                }
            };
            let either = tokio::select! {
                biased;
                of_pool = self.pool.acquire() => of_pool,
                connection = in_reserve => Ok(connection),
            };
            if let Some(taken) = self.taken(began, either) {
                return taken;
            }
        }
    }

    /// `None` for one that is of no use.
    fn taken(
        &self,
        began: Began,
        acquired: Result<PoolConnection<DB>, sqlx::Error>,
    ) -> Option<Result<(PoolConnection<DB>, Metered), Error>> {
        match acquired {
            // SQLite ends a transaction by itself when the disk is full. Then ROLLBACK fails, and sqlx takes the
            // transaction for open, so that nothing could begin on this connection any more.
            Ok(mut connection) if connection.is_in_transaction() => {
                connection.close_on_drop();
                None
            }
            Ok(connection) => Some(Ok((connection, self.shared.meter.hold(began)))),
            Err(error) => Some(Err(failed(began, Step::Begin, error.verdict().unsent(), Some(error.into())))),
        }
    }

    /// Waits for the turn of a writer, where one at a time can write. In a queue each is woken in order; in the database all
    /// would try again and again, and wait longer each time. No longer than for a connection.
    pub(super) async fn turn(&self, began: Began) -> Result<Option<OwnedMutexGuard<()>>, Error> {
        first_of(self.database())?;
        if !DB::HAS_ONE_WRITER {
            return Ok(None);
        }
        let _pause = Pause::start();
        let turn = Arc::clone(&self.shared.turns).lock_owned();
        let turn = tokio::time::timeout(self.pool.options().get_acquire_timeout(), turn).await;
        turn.map(Some).map_err(|_| {
            let verdict = Verdict::transient().unsent();
            failed(began, Step::Begin, verdict, Some("the other writers of this process were not done in time".into()))
        })
    }

    pub(super) async fn is_strict(&self, connection: &mut DB::Connection) -> Result<bool, sqlx::Error> {
        // Behind a pooler the next statement may be another connection's.
        if self.texts.is_pooled() {
            return Ok(true);
        }
        if let Some(known) = self.shared.isolation.known() {
            return Ok(known);
        }
        DB::own_is_strict(connection).await.inspect(|is_strict| self.shared.isolation.set(Some(*is_strict)))
    }

    /// Has the level asked for again: it may have been changed.
    pub(crate) fn forget_isolation(&self) {
        self.shared.isolation.set(None);
    }

    pub(super) fn unguarded_pool(&self) -> &Pool<DB> {
        &self.pool
    }

    /// Where our workers leave what they saw.
    pub(crate) fn seen(&self) -> &Arc<Seen> {
        &self.shared.seen
    }

    /// What tells this database from others.
    pub(super) fn database(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    /// Measures how long something is held.
    pub(super) fn hold(&self, began: Began) -> Metered {
        self.shared.meter.hold(began)
    }

    /// How many transactions were to run once before this one.
    pub(super) fn count_claim(&self) -> u32 {
        self.shared.claims.fetch_add(1, Ordering::Relaxed)
    }
}

impl Watched for OfClones {
    fn backlogs(&self) -> Backlogs {
        self.seen.all()
    }

    fn has_relays(&self) -> bool {
        self.seen.has_relays()
    }

    #[cfg(feature = "metrics")]
    fn held(&self) -> Vec<crate::registry::Held> {
        self.meter.held().into_iter().map(Into::into).collect()
    }
}

/// For expansions.
impl Transactional {
    /// Opens the transaction of this function.
    #[doc(hidden)]
    pub async fn begin<DB: Backend>(&self, db: &Db<DB>) -> Result<Tx<DB>, Error> {
        db.begin(Began { holds: Holds::Transaction, site: *self.site }).await
    }

    /// One request for this function's operation.
    #[doc(hidden)]
    pub fn once(&self, id: impl RequestId) -> Once {
        let once = Once::of(self.op.unwrap_or_default(), id);
        let once = if let Some(keep) = self.keep { once.keep(keep) } else { once };
        if let Some(wait) = self.max_wait { once.max_wait(wait) } else { once }
    }

    /// Opens the transaction of this function, unless it has run for this request ID.
    #[doc(hidden)]
    pub async fn begin_once<DB: Backend>(&self, db: &Db<DB>, once: Once) -> Result<Begun<DB>, Error> {
        self.is_consistent()?;
        db.begin_once_at(Began { holds: Holds::Transaction, site: *self.site }, once).await
    }

    /// The scope of the caller's transaction.
    #[doc(hidden)]
    pub fn take_part<DB: Backend>(&self, tx: &Tx<DB>) -> Holding {
        tx.scope()
    }
}

impl<DB: Backend> Clone for Db<DB> {
    fn clone(&self) -> Self {
        let (shared, texts) = (Arc::clone(&self.shared), Arc::clone(&self.texts));
        Self { pool: self.pool.clone(), shared, texts, reserve: self.reserve.clone() }
    }
}

impl<DB: Backend> fmt::Debug for Db<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db")
            .field("size", &self.pool.size())
            .field("idle", &self.pool.num_idle())
            .finish_non_exhaustive()
    }
}

/// A connection that was checked out by [`Db::connection`]. Statements run on `&mut *connection`.
pub struct Connection<DB: Backend> {
    connection: PoolConnection<DB>,
    scope: Arc<Scope>,
    _metered: Metered,
}

impl<DB: Backend> Connection<DB> {
    pub(super) fn lent(&mut self) -> (&mut DB::Connection, Option<&mut Standing>) {
        (&mut self.connection, None)
    }
}

impl<DB: Backend> Deref for Connection<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.connection
    }
}

impl<DB: Backend> DerefMut for Connection<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }
}

impl<DB: Backend> Drop for Connection<DB> {
    fn drop(&mut self) {
        self.scope.end();
    }
}

impl<DB: Backend> fmt::Debug for Connection<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({:?})", self.scope)
    }
}
