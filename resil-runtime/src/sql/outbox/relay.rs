use super::Handler;
use super::event;
use super::lane::{self, Ran};
use super::store;
use super::work::{Patience, Work};
use crate::sql::worker::{self, Lease, Outcome, Polling, Worker};
use crate::sync::Ordering;
use crate::{Backend, Db, Error, clock};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Hands messages to a handler. Spawn one in each process, or in some; any number of them share one database, and each
/// ordering key is with one at a time.
///
/// | setting | default |
/// |---|---|
/// | [`concurrency`](Self::concurrency) | 16 |
/// | [`lease`](Self::lease) | 30 s |
/// | [`attempts`](Self::attempts) | 10 |
/// | [`base`](Self::base), [`max`](Self::max) | 1 s, 1 min |
/// | [`poll`](Self::poll) | 1 s |
/// | [`grace`](Self::grace) | 10 s |
#[must_use = "a relay does nothing until it runs"]
pub struct Relay<DB: Backend> {
    db: Db<DB>,
    handler: Handler,
    patience: Patience,
    polling: Polling,
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
}

const SHORTEST_LEASE: Duration = Duration::from_millis(100);
/// What is due later than in a day was put there by a clock that has jumped.
const LONGEST: Duration = Duration::from_hours(12);

impl<DB: Backend> Relay<DB> {
    pub(super) fn new(db: Db<DB>, handler: Handler) -> Self {
        let lease = Duration::from_secs(30);
        let patience = Patience { lease, attempts: 10, base: Duration::from_secs(1), max: Duration::from_secs(60) };
        Self { db, handler, patience, polling: Polling::new() }
    }

    /// How many messages are delivered at once, each of another ordering key or of none. 16 unless told.
    pub const fn concurrency(mut self, messages: usize) -> Self {
        self.polling.concurrency(messages);
        self
    }

    /// How long a relay may be silent before another one takes over what it was delivering. 30 s unless told. A handler
    /// is cut off after half of that. From 100 ms to 12 hours.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.patience.lease = lease.clamp(SHORTEST_LEASE, LONGEST);
        self
    }

    /// How often a message is tried whose handler fails with what does not pass, or panics, before it is set aside. 10 unless
    /// told. What may pass, a failure that is transient, a refusal by one of our own policies, or a handler that was cut off,
    /// is tried for as long as it takes.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.patience.attempts = attempts;
        self
    }

    /// The first wait between two attempts, which doubles; each is uniform between zero and that. 1 s unless told.
    pub fn base(mut self, base: Duration) -> Self {
        self.patience.base = base.min(LONGEST);
        self
    }

    /// The longest wait between two attempts. 1 min unless told, 12 hours at most.
    pub fn max(mut self, max: Duration) -> Self {
        self.patience.max = max.min(LONGEST);
        self
    }

    /// How often to look for messages of other processes. 1 s unless told. A commit through the same [`Db`], or a clone
    /// of it, wakes the relay at once.
    pub fn poll(mut self, poll: Duration) -> Self {
        self.polling.poll(poll);
        self
    }

    /// How long deliveries under way may take to end, once it is to stop. 10 s unless told. What is cut off is delivered
    /// again when its lease is over.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.polling.grace = grace;
        self
    }

    /// Runs until `stop` is ready, then takes up nothing more and waits for what is under way. A database that cannot be
    /// reached is told as an event, and asked again.
    ///
    /// Dropping the future cuts off what is under way; it is delivered again.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Relayed {
        let mut relaying = Relaying { relay: &self, work: Work::default() };
        worker::run(&mut relaying, self.polling, stop).await;
        relaying.work.done
    }

    /// Delivers everything that is due now, and returns when nothing is: for tests, and for a job that a scheduler starts.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database cannot be asked.
    pub async fn run_once(&self) -> Result<Relayed, Error> {
        let mut relaying = Relaying { relay: self, work: Work::default() };
        worker::run_once(&mut relaying, self.polling).await?;
        Ok(relaying.work.done)
    }
}

/// A relay that runs.
struct Relaying<'a, DB: Backend> {
    relay: &'a Relay<DB>,
    work: Work,
}

impl<DB: Backend> Relaying<'_, DB> {
    async fn claim_after(&mut self, free: usize, running: &mut JoinSet<Ran>) -> Result<usize, Error> {
        let Relay { db, handler, patience, .. } = self.relay;
        let asked = clock::instant();
        let due = store::claim(db, &self.work.turn, free, patience.lease).await?;
        let claimed = due.len();
        let last = due.iter().map(|head| &head.lane).max();
        // Fewer than wanted: it was the last of them, and the first has the next turn.
        self.work.turn = last.filter(|_| claimed == free).cloned().unwrap_or_default();
        for head in due {
            let (db, handler, stop) = (db.clone(), handler.clone(), Arc::clone(&self.work.stop));
            let lease = Lease::asked_for(asked, patience.lease);
            running.spawn(lane::run(db, handler, *patience, head, lease, stop));
        }
        Ok(claimed)
    }
}

impl<DB: Backend> Worker for Relaying<'_, DB> {
    type Ran = Ran;

    async fn look(&mut self) {
        // If it fails, so does the next claim, which tells of it.
        _ = store::heal(&self.relay.db).await;
    }

    async fn claim(&mut self, most: usize, running: &mut JoinSet<Ran>) -> Result<usize, Error> {
        let is_from_the_first = self.work.turn.is_empty();
        match self.claim_after(most, running).await? {
            0 if !is_from_the_first => self.claim_after(most, running).await,
            claimed => Ok(claimed),
        }
    }

    /// Deletes what was delivered, by all lanes that have ended by now in one statement.
    async fn ended(&mut self, ended: Vec<Outcome<Ran>>) {
        let counted = ended.into_iter().flat_map(|ended| self.work.count(ended, self.relay.patience));
        let delivered: Vec<_> = counted.collect();
        if !delivered.is_empty() && told(store::delivered(&self.relay.db, &delivered).await).is_some() {
            self.work.done.delivered += delivered.len() as u64;
        }
    }

    fn unreachable(&self, error: &Error) {
        event::unreachable(error);
    }

    fn stops(&mut self) {
        self.work.stop.store(true, Ordering::Relaxed);
    }

    fn room(&self, concurrency: usize) -> usize {
        self.work.room(concurrency)
    }

    fn rests(&self) -> Option<Duration> {
        self.work.out_for()
    }

    async fn woken(&mut self) {
        self.relay.db.wake().notified().await;
    }
}

/// A database that cannot be reached is told as an event.
fn told<T>(asked: Result<T, Error>) -> Option<T> {
    asked.inspect_err(event::unreachable).ok()
}

impl<DB: Backend> fmt::Debug for Relay<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("polling", &self.polling)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
