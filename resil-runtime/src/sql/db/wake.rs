//! Wakes the relays: those of this process, and on PostgreSQL those of others.

use super::{Backend, Db};
use crate::sync::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// So often at most others are told.
const BETWEEN: Duration = Duration::from_millis(20);
/// A connection that was lost is opened again after this.
const BETWEEN_LISTENERS: Duration = Duration::from_secs(5);

/// Told when messages were committed to the outbox.
#[derive(Debug)]
pub(super) struct Wake {
    here: watch::Sender<()>,
    tells_others: AtomicBool,
    /// Whether somebody is telling others, and has to do so once more.
    telling: AtomicU32,
}

const NOBODY: u32 = 0;
const TELLING: u32 = 1;
const ONCE_MORE: u32 = 2;

impl Default for Wake {
    fn default() -> Self {
        Self { here: watch::Sender::new(()), tells_others: AtomicBool::new(true), telling: AtomicU32::new(NOBODY) }
    }
}

impl<DB: Backend> Db<DB> {
    /// Whether the relays of other processes are woken by a commit, with NOTIFY on PostgreSQL. They are by default: a process
    /// that commits messages tells so afterwards, on a connection of the pool and 50 times a second at most, and a running
    /// relay listens on a connection of its own, beside the pool. With `false` relays [poll](crate::outbox::Relay::poll) all
    /// the same.
    #[must_use = "it is the same database, with this setting"]
    pub fn notify(self, others: bool) -> Self {
        self.shared.wake.tells_others.store(others, Ordering::Relaxed);
        self
    }

    /// Has the relays look for messages.
    pub(crate) fn wake_relays(&self) {
        let wake = &self.shared.wake;
        wake.here.send_replace(());
        if !wake.tells_others.load(Ordering::Relaxed) {
            return;
        }
        let next = |telling| Some(if telling == NOBODY { TELLING } else { ONCE_MORE });
        if wake.telling.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) == Ok(NOBODY) {
            tokio::spawn(Telling { db: self.clone(), is_done: false }.tell());
        }
    }

    /// Tells of each time that there may be something for a relay, from now on.
    pub(crate) fn woken(&self) -> watch::Receiver<()> {
        self.shared.wake.here.subscribe()
    }

    /// Wakes the relays of this process when another one tells of messages. Never ends.
    pub(crate) async fn listen(&self) {
        if !self.shared.wake.tells_others.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        loop {
            let wake = || self.shared.wake.here.send_replace(());
            // Whatever is wrong with it, the relay polls.
            _ = DB::own_listen(self.unguarded_pool(), self.texts.text(TABLE), wake).await;
            tokio::time::sleep(BETWEEN_LISTENERS).await;
        }
    }
}

/// Who tells others, until nothing more is to be told.
struct Telling<DB: Backend> {
    db: Db<DB>,
    is_done: bool,
}

impl<DB: Backend> Telling<DB> {
    async fn tell(mut self) {
        loop {
            // If it fails, others find the messages when they poll.
            _ = DB::own_notify(self.db.unguarded_pool(), self.db.texts.text(NOTIFY)).await;
            tokio::time::sleep(BETWEEN).await;
            let telling = &self.db.shared.wake.telling;
            if telling.compare_exchange(TELLING, NOBODY, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                self.is_done = true;
                return;
            }
            telling.store(TELLING, Ordering::Release);
        }
    }
}

/// Its runtime is gone.
impl<DB: Backend> Drop for Telling<DB> {
    fn drop(&mut self) {
        if !self.is_done {
            self.db.shared.wake.telling.store(NOBODY, Ordering::Release);
        }
    }
}

/// Each schema has messages of its own.
const TABLE: &str = "SELECT 'resil_outbox'::regclass::oid::text";
const NOTIFY: &str = "SELECT pg_notify($1, 'resil_outbox'::regclass::oid::text)";

#[cfg(feature = "postgres")]
const CHANNEL: &str = "resil_outbox";

#[cfg(feature = "postgres")]
pub(super) async fn notify(pool: &sqlx::PgPool, notify: sqlx::SqlStr) -> Result<(), sqlx::Error> {
    sqlx::query(notify).bind(CHANNEL).execute(pool).await.map(drop)
}

#[cfg(feature = "postgres")]
pub(super) async fn listen(
    pool: &sqlx::PgPool,
    table: sqlx::SqlStr,
    wake: impl Fn() + Send + Sync,
) -> Result<(), sqlx::Error> {
    use sqlx::postgres::{PgListener, PgPoolOptions};
    let options = (*pool.connect_options()).clone();
    let own =
        PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None).connect_with(options).await?;
    let mine: String = sqlx::query_scalar(table).fetch_one(&own).await?;
    let mut listener = PgListener::connect_with(&own).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // Before the first and after a connection that was lost, something may have been missed.
        wake();
        while let Some(notification) = listener.try_recv().await? {
            if notification.payload() == mine {
                wake();
            }
        }
    }
}
