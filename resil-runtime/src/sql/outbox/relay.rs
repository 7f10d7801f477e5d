use super::Outbox;
use super::handlers::{Handler, Handlers};
use super::message::Message;
use super::relaying::Relaying;
use super::work::Patience;
use crate::sql::worker::{self, Failed, Polling};
use crate::{Backend, Db, Error};
use std::fmt;
use std::future::Future;
use std::time::Duration;

/// Hands messages to handlers. Spawn one in each process, or in some; any number of them share one database, and each
/// ordering key is with one at a time.
///
/// | setting | default |
/// |---|---|
/// | [`concurrency`](Self::concurrency) | 16 |
/// | [`memory`](Self::memory) | 16 MiB |
/// | [`lease`](Self::lease) | 30 s |
/// | [`attempts`](Self::attempts) | 10 |
/// | [`give_up`](Self::give_up) | never |
/// | [`base`](Self::base), [`max`](Self::max) | 1 s, 1 min |
/// | [`poll`](Self::poll) | 1 s |
/// | [`grace`](Self::grace) | 10 s |
#[must_use = "a relay does nothing until it runs"]
pub struct Relay<DB: Backend> {
    pub(super) db: Db<DB>,
    pub(super) handlers: Handlers,
    pub(super) patience: Patience,
    pub(super) memory: usize,
    pub(super) polling: Polling,
}

/// What a relay has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Relayed {
    /// How many messages were delivered.
    pub delivered: u64,
    /// How many attempts have failed.
    pub failed: u64,
    /// How many messages were set aside.
    pub set_aside: u64,
    /// How many leases were lost, because this process was silent for too long. Their messages may be delivered again.
    pub lost: u64,
}

const SHORTEST_LEASE: Duration = Duration::from_millis(100);
/// What is due later than in a day was put there by a clock that has jumped.
const LONGEST: Duration = Duration::from_hours(12);

impl<DB: Backend> Relay<DB> {
    pub(super) fn new(db: Db<DB>) -> Self {
        let patience = Patience {
            lease: Duration::from_secs(30),
            attempts: 10,
            base: Duration::from_secs(1),
            max: Duration::from_secs(60),
            give_up: None,
        };
        Self { db, handlers: Handlers::default(), patience, memory: 16 << 20, polling: Polling::new() }
    }

    /// Hands messages of this topic to this handler, in place of an earlier one of the same topic.
    ///
    /// HTTP requests made within it carry the message's ID as `Idempotency-Key`. It runs in the tracing span in which the relay does. Its error is any that is `Classify` and
    /// `Display`, or [`Failed`]. Messages of topics without a handler are left to other relays, as is their lane, and an
    /// event tells of them once a minute.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod shop {
    /// # use resil::Db; use resil::ledger::Failed; use resil::outbox::{Message, Outbox, Relay};
    /// # async fn ship(message: Message) -> Result<(), Failed> { Ok(()) }
    /// # async fn refund(message: Message) -> Result<(), Failed> { Ok(()) }
    /// fn relay(db: Db<sqlx::Sqlite>) -> Relay<sqlx::Sqlite> {
    ///     Outbox::on(db).relay().on("order.paid", ship).on("order.failed", refund)
    /// }
    /// # }
    /// ```
    pub fn on<F, E>(mut self, topic: impl Into<String>, handler: impl Fn(Message) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Failed>,
    {
        self.handlers.add(Handler::new(Some(topic.into()), handler));
        self
    }

    /// Hands all messages to this handler that have none by [`on`](Self::on), *of whatever topic*: those of other services in
    /// the same schema too, and those of newer versions. It is for what hands everything on, such as a broker's client. What
    /// it answers `Ok` for is delivered, and gone.
    pub fn any<F, E>(mut self, handler: impl Fn(Message) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Failed>,
    {
        self.handlers.add(Handler::new(None, handler));
        self
    }

    /// How many messages are delivered at once, each of another ordering key or of none. 16 by default.
    pub const fn concurrency(mut self, messages: usize) -> Self {
        self.polling.concurrency(messages);
        self
    }

    /// How many bytes of payload a relay reads at once, but for one message that is larger. 16 MiB by default.
    pub const fn memory(mut self, bytes: usize) -> Self {
        self.memory = if bytes == 0 { 1 } else { bytes };
        self
    }

    /// How long a relay may be silent before another one takes over what it was delivering. 30 s by default. A handler
    /// is cut off after half of that. From 100 ms to 12 hours.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.patience.lease = lease.clamp(SHORTEST_LEASE, LONGEST);
        self
    }

    /// How often a message is tried before it is set aside. 10 by default, 1 at least. What counts is an attempt
    ///
    /// - in which the process ended, the handler panicked, or was cut off;
    /// - whose error does not pass, or says that the event could not be read;
    /// - whose error may pass, or says nothing of it, while other messages are delivered to the same handler.
    ///
    /// While none are, it is the handler that fails and not the message: then one message at a time is tried, for as long as
    /// it takes, or until [`give_up`](Self::give_up). Nor does count what one of our own policies has refused.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.patience.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// Sets a message aside that has been tried for so long, though nothing could be delivered to its handler. Never, unless
    /// told.
    pub const fn give_up(mut self, after: Duration) -> Self {
        self.patience.give_up = Some(after);
        self
    }

    /// The first wait between two attempts, which doubles; each is uniform between zero and that. 1 s by default.
    pub fn base(mut self, base: Duration) -> Self {
        self.patience.base = base.min(LONGEST);
        self
    }

    /// The longest wait between two attempts. 1 min by default, 12 hours at most.
    pub fn max(mut self, max: Duration) -> Self {
        self.patience.max = max.min(LONGEST);
        self
    }

    /// How often to look for messages that nobody told of. 1 s by default. A commit through the same [`Db`], or a clone of
    /// it, wakes the relay at once, and on PostgreSQL one of [another process](Db::notify).
    pub fn poll(mut self, poll: Duration) -> Self {
        self.polling.poll(poll);
        self
    }

    /// How long deliveries under way may take to end, once it is to stop. 10 s by default. What is cut off then was no
    /// attempt, and is delivered by another relay at once.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.polling.grace = grace;
        self
    }

    /// Runs until `stop` is ready, then takes up nothing more and waits for what is under way, for the
    /// [`grace`](Self::grace) and two seconds to write it down. A database that cannot be reached is told as an event, and
    /// asked again.
    ///
    /// Dropping the future cuts off what is under way. While the runtime goes on, it is given back as after the grace; otherwise
    /// it is delivered again when its lease is over, and counts as an attempt.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Relayed {
        let mut relaying = Relaying::new(&self);
        let _looks = self.db.seen().relay();
        // On the heap: whoever runs a relay beside something else should not carry their states along.
        let runs = Box::pin(worker::run(&mut relaying, self.polling, stop));
        let listens = Box::pin(self.db.listen());
        tokio::select! {
            biased;
            () = runs => {}
            () = listens => {}
        }
        relaying.done
    }

    /// Delivers everything that is due now, and returns when nothing is, or when nothing can be delivered to a handler: for tests,
    /// and for a job that a scheduler starts.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database cannot be asked.
    pub async fn run_once(&self) -> Result<Relayed, Error> {
        let mut relaying = Relaying::new(self);
        Box::pin(worker::run_once(&mut relaying, self.polling)).await?;
        Ok(relaying.done)
    }
}

impl<DB: Backend> Outbox<DB> {
    /// What hands messages to handlers, once it has some and [runs](Relay::run).
    pub fn relay(&self) -> Relay<DB> {
        Relay::new(self.db.clone())
    }
}

impl<DB: Backend> fmt::Debug for Relay<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("topics", &self.handlers.iter().map(|handler| &handler.topic).collect::<Vec<_>>())
            .field("polling", &self.polling)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
