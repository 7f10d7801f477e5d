//! Events that are committed with the data, and delivered afterwards: the transactional outbox.
//!
//! An event that is published inside a transaction is out although the transaction may roll back; one that is published
//! after it is lost if the process dies in between. So it is *recorded* in the transaction, [`Tx::outbox`](crate::Tx::outbox),
//! and a [`Relay`] hands it to an async handler later: a broker's client, or a consumer in the same process.
//!
//! - **At least once.** A message is deleted after its handler has answered `Ok`. A process that dies in between leaves it
//!   to the next one, so a consumer sees some messages twice, and runs each once under the message's ID:
//!   [`Db::once`](crate::Db::once).
//! - **In order for each ordering key,** that of the commits. Messages of other keys, and those without one, do not wait
//!   for each other. On PostgreSQL a transaction that records a message with a key waits for others that have recorded one
//!   with the same key and are not committed yet; one that records several does so in the order of their keys, or two of
//!   them may wait for each other until the database ends one, which `#[retry(unsent)]` repeats.
//!   Each key of a transaction takes one of PostgreSQL's locks, of which there are some thousands.
//! - **Trouble that passes is waited out.** A handler that fails with what may pass, because the broker is away, or that does
//!   not end in time is called again for as long as it takes. One that fails otherwise or panics is called so many times, and
//!   then the message is *set aside*: it stays in the table with the reason, later ones of its ordering key wait behind it, and an
//!   operator has it [delivered again](Outbox::redeliver) or [discards it](Outbox::discard).
//! - **The table is as large as what waits.** What is delivered is deleted.

mod error;
mod event;
mod lane;
mod message;
mod record;
mod relay;
mod store;
mod work;

pub use error::OutboxError;
pub use event::OutboxEvent;
pub use message::{Backlog, Message, MessageId, SetAside};
pub use record::Recording;
pub use relay::{Relay, Relayed};
#[cfg(feature = "sqlite")]
pub(crate) use store::RECORD;
#[cfg(feature = "postgres")]
pub(crate) use store::RECORD_IN_TURN;
pub(crate) use store::TABLE;

use crate::sql::worker::Failed;
use crate::{Backend, Db, Error};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The messages of one database.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// use resil::ledger::Failed;
/// use resil::outbox::{Message, Outbox};
/// use resil::{Db, Once};
///
/// # let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
/// # let db = Db::new(pool.connect("sqlite::memory:").await?);
/// db.migrate().await?;
/// # sqlx::query("CREATE TABLE orders (id INTEGER)").execute(db.pool()?).await?;
/// # sqlx::query("CREATE TABLE parcels (of_order INTEGER)").execute(db.pool()?).await?;
/// // The order and its event: both, or neither.
/// db.transaction(async |tx| {
///     sqlx::query("INSERT INTO orders VALUES (7)").execute(&mut **tx).await?;
///     tx.outbox("order.placed", &7).ordered_by("order 7").await?;
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// })
/// .await?;
///
/// // The consumer runs each message once, however often it is handed to it.
/// async fn ship(db: Db<sqlx::Sqlite>, message: Message) -> Result<(), Failed> {
///     if message.topic != "order.placed" {
///         return Ok(()); // none of ours
///     }
///     let order: i64 = message.decode()?;
///     db.once(Once::of("ship", message.id), async |tx| {
///         sqlx::query("INSERT INTO parcels VALUES (?)").bind(order).execute(&mut **tx).await?;
///         Ok::<_, Failed>(())
///     })
///     .await
/// }
///
/// let relay = Outbox::on(db.clone()).relay({
///     let db = db.clone();
///     move |message| ship(db.clone(), message)
/// });
/// // In a service: `tokio::spawn(relay.run(async { _ = stopped.await; }))`. Here until nothing is due:
/// assert_eq!(relay.run_once().await?.delivered, 1);
/// # Ok(()) }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
pub struct Outbox<DB: Backend> {
    db: Db<DB>,
}

/// What messages are handed to.
pub(super) type Handler = Arc<dyn Fn(Message) -> Delivering + Send + Sync>;
pub(super) type Delivering = Pin<Box<dyn Future<Output = Result<(), Failed>> + Send>>;

impl<DB: Backend> Outbox<DB> {
    /// The messages of this database. The table comes from [`Db::migrate`].
    pub const fn on(db: Db<DB>) -> Self {
        Self { db }
    }

    /// What hands messages to this handler, once it [runs](Relay::run).
    ///
    /// HTTP requests made within it carry the message's ID as `Idempotency-Key`. Its error is any that is `Classify` and
    /// `Display`, or [`Failed`].
    pub fn relay<F, E>(&self, handler: impl Fn(Message) -> F + Send + Sync + 'static) -> Relay<DB>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Failed>,
    {
        let handler = move |message| -> Delivering {
            let delivering = handler(message);
            Box::pin(async move { delivering.await.map_err(Into::into) })
        };
        Relay::new(self.db.clone(), Arc::new(handler))
    }

    /// How much waits, and for how long.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database cannot be asked, or while the caller holds one of its connections.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        store::backlog(&self.db).await
    }

    /// The messages that were set aside, the oldest first, so many at most.
    ///
    /// # Errors
    ///
    /// As [`backlog`](Self::backlog).
    pub async fn set_aside(&self, most: u32) -> Result<Vec<SetAside>, Error> {
        store::set_aside(&self.db, most).await
    }

    /// Has a message delivered that was set aside, with all its attempts before it.
    ///
    /// # Errors
    ///
    /// [`Error::Outbox`] if no such message is set aside, otherwise as [`backlog`](Self::backlog).
    pub async fn redeliver(&self, id: MessageId) -> Result<(), Error> {
        self.settled(OutboxError::NotSetAside(id), store::redeliver(&self.db, id).await?)
    }

    /// Deletes a message, whether it waits or was set aside. Those of its ordering key go on. What a relay has
    /// taken up already may still be delivered.
    ///
    /// # Errors
    ///
    /// [`Error::Outbox`] if there is no such message, otherwise as [`backlog`](Self::backlog).
    pub async fn discard(&self, id: MessageId) -> Result<(), Error> {
        self.settled(OutboxError::NoSuchMessage(id), store::discard(&self.db, id).await?)
    }

    fn settled(&self, problem: OutboxError, found: bool) -> Result<(), Error> {
        if !found {
            return Err(problem.into());
        }
        self.db.wake().notify_one();
        Ok(())
    }
}

impl<DB: Backend> Clone for Outbox<DB> {
    fn clone(&self) -> Self {
        Self { db: self.db.clone() }
    }
}

impl<DB: Backend> fmt::Debug for Outbox<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("db", &self.db).finish()
    }
}
