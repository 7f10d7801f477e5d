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
//!   for each other, and come in the order in which they became due. On PostgreSQL a transaction that records a message with a
//!   key waits for others that have recorded one with the same key and are not committed yet; one that records several does
//!   so in the order of their keys, or two of them may wait for each other until the database ends one, which
//!   `#[retry(unsent)]` repeats. Each key of a transaction takes one of PostgreSQL's locks, so it may have 1,000 of them.
//! - **By topic.** A relay takes the topics that it has a handler for, [`on`](Relay::on), and leaves others to other relays:
//!   those of another service, or of a newer version. What it cannot [decode](Message::decode) it leaves to relays that started
//!   later first. [`any`](Relay::any) takes everything.
//! - **An outage is waited out, and poison is set aside.** While nothing can be delivered to a handler, one message at a time is
//!   tried for as long as it takes. What fails alone, or does not pass, what panics, hangs, or ends its process is tried
//!   [so many times](Relay::attempts), and then the message is *set aside*: it stays in the table with the reason, later ones
//!   of its ordering key wait behind it, and an operator has it [delivered again](Outbox::redeliver) or
//!   [discards it](Outbox::discard).
//! - **A death says nothing of its neighbours.** An attempt is counted before it begins. What was under way when a process died
//!   is tried one message at a time from then on, and so is the rest of its lane, so that only the one that did it is tried
//!   again and again.
//! - **The table is as large as what waits,** and a look costs what is due. What is delivered is deleted.

mod error;
mod event;
mod filter;
mod finite;
mod handlers;
mod lane;
mod message;
mod record;
mod relay;
mod relaying;
mod store;
mod work;

pub use error::OutboxError;
pub use event::OutboxEvent;
pub use filter::Filter;
pub use message::{Backlog, Message, MessageId, SetAside};
pub use record::Recording;
pub use relay::{Relay, Relayed};
#[cfg(feature = "sqlite")]
pub(crate) use store::{CLAIM_ANY, CLAIM_TOPICS, RECORD};
#[cfg(feature = "postgres")]
pub(crate) use store::{CLAIM_ANY_BESIDE, CLAIM_TOPICS_BESIDE, RECORD_IN_TURN};
pub(crate) use store::{PLACES, SCHEDULED, TABLE};

use crate::{Backend, Db, Error};
use std::fmt;

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
///     sqlx::query("INSERT INTO orders VALUES (7)").execute(&mut *tx).await?;
///     tx.outbox("order.placed", &7).ordered_by("order 7").await?;
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// })
/// .await?;
///
/// // The consumer runs each message once, however often it is handed to it.
/// async fn ship(db: Db<sqlx::Sqlite>, message: Message) -> Result<(), Failed> {
///     let order: i64 = message.decode()?;
///     db.once(Once::of("ship", message.id), async |tx| {
///         sqlx::query("INSERT INTO parcels VALUES (?)").bind(order).execute(&mut *tx).await?;
///         Ok::<_, Failed>(())
///     })
///     .await
/// }
///
/// let relay = Outbox::on(db.clone()).relay().on("order.placed", {
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

impl<DB: Backend> Outbox<DB> {
    /// The messages of this database. The table comes from [`Db::migrate`].
    pub const fn on(db: Db<DB>) -> Self {
        Self { db }
    }

    /// How much waits, and for how long.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database cannot be asked, or while the caller holds one of its connections.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        store::backlog(&self.db).await
    }

    /// The messages that were set aside, the oldest first, so many at most, and 16 MiB of payload.
    ///
    /// # Errors
    ///
    /// As [`backlog`](Self::backlog).
    pub async fn set_aside(&self, most: u32) -> Result<Vec<SetAside>, Error> {
        store::set_aside(&self.db, most, 16 << 20).await
    }

    /// Has a message delivered that was set aside, with all its attempts before it.
    ///
    /// # Errors
    ///
    /// [`Error::Outbox`] if no such message is set aside, otherwise as [`backlog`](Self::backlog).
    pub async fn redeliver(&self, id: MessageId) -> Result<(), Error> {
        if !store::redeliver(&self.db, id).await? {
            return Err(OutboxError::NotSetAside(id).into());
        }
        self.db.wake_relays();
        Ok(())
    }

    /// Has all of these delivered that were set aside, and answers how many they are.
    ///
    /// # Errors
    ///
    /// As [`backlog`](Self::backlog).
    pub async fn redeliver_all(&self, which: Filter) -> Result<u64, Error> {
        let number = store::redeliver_all(&self.db, &which).await?;
        if number > 0 {
            self.db.wake_relays();
        }
        Ok(number)
    }

    /// Deletes a message, whether it waits or was set aside, and no relay delivers it any more. Those of its ordering key go
    /// on.
    ///
    /// # Errors
    ///
    /// [`Error::Outbox`] with [`OutboxError::Busy`] if a relay is delivering it, or what is before it in its lane: then nothing
    /// was done; with [`OutboxError::NoSuchMessage`] if there is none; otherwise as [`backlog`](Self::backlog).
    pub async fn discard(&self, id: MessageId) -> Result<(), Error> {
        store::discard(&self.db, id).await?;
        self.db.wake_relays();
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
