use super::Handler;
use super::event;
use super::lane;
use super::store;
use super::work::{Ended, Patience, Work};
use crate::sql::worker::{Lease, beside};
use crate::sync::Ordering;
use crate::{Backend, Db, Error, clock};
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

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
    concurrency: usize,
    patience: Patience,
    poll: Duration,
    grace: Duration,
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
const BETWEEN_LOOKS: Duration = Duration::from_secs(60);

impl<DB: Backend> Relay<DB> {
    pub(super) fn new(db: Db<DB>, handler: Handler) -> Self {
        let lease = Duration::from_secs(30);
        let patience = Patience { lease, attempts: 10, base: Duration::from_secs(1), max: Duration::from_secs(60) };
        let (poll, grace) = (Duration::from_secs(1), Duration::from_secs(10));
        Self { db, handler, concurrency: 16, patience, poll, grace }
    }

    /// How many messages are delivered at once, each of another ordering key or of none. 16 unless told.
    pub const fn concurrency(mut self, messages: usize) -> Self {
        self.concurrency = if messages == 0 { 1 } else { messages };
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
        self.poll = poll.min(LONGEST);
        self
    }

    /// How long deliveries under way may take to end, once it is to stop. 10 s unless told. What is cut off is delivered
    /// again when its lease is over.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Runs until `stop` is ready, then takes up nothing more and waits for what is under way. A database that cannot be
    /// reached is told as an event, and asked again.
    ///
    /// Dropping the future cuts off what is under way; it is delivered again.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Relayed {
        let mut stop = pin!(stop);
        let mut work = Work::default();
        let mut looked: Option<Instant> = None;
        loop {
            let next = async {
                if looked.is_none_or(|looked| looked.elapsed() >= BETWEEN_LOOKS) {
                    looked = Some(clock::instant());
                    // If it fails, so does the next claim, which tells of it.
                    _ = store::heal(&self.db).await;
                }
                let free = work.free(self.concurrency);
                let claimed = if free == 0 { 0 } else { told(self.claim(free, &mut work).await).unwrap_or(0) };
                if claimed == 0 { self.wait(&mut work).await } else { None }
            };
            let ended = tokio::select! {
                biased;
                () = &mut stop => break,
                ended = next => ended,
            };
            // Not among what a stop cuts off: it is delivered, and to be deleted.
            if let Some(ended) = ended
                && let ((), true) = beside(&mut stop, self.finish(ended, &mut work)).await
            {
                break;
            }
        }
        work.stop.store(true, Ordering::Relaxed);
        let rest = async {
            while let Some(ended) = work.running.join_next().await {
                self.finish(ended, &mut work).await;
            }
        };
        _ = timeout(self.grace, rest).await;
        work.done
    }

    /// Until a delivery has ended, or there may be another one to begin.
    async fn wait(&self, work: &mut Work) -> Option<Ended> {
        let (out, is_full) = (work.out_for(), work.running.len() >= self.concurrency);
        tokio::select! {
            biased;
            ended = work.running.join_next(), if !work.running.is_empty() => ended,
            // While nothing can be delivered, what is new is not tried as well.
            () = self.db.wake().notified(), if !is_full && out.is_none() => None,
            () = sleep(out.unwrap_or_else(|| self.pause())), if !is_full || out.is_some() => None,
        }
    }

    /// Delivers everything that is due now, and returns when nothing is: for tests, and for a job that a scheduler starts.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database cannot be asked.
    pub async fn run_once(&self) -> Result<Relayed, Error> {
        let mut work = Work::default();
        loop {
            let claimed = self.claim(self.concurrency, &mut work).await?;
            while let Some(ended) = work.running.join_next().await {
                self.finish(ended, &mut work).await;
            }
            if claimed == 0 {
                return Ok(work.done);
            }
        }
    }

    /// Takes up so much of what is due.
    async fn claim(&self, free: usize, work: &mut Work) -> Result<usize, Error> {
        let is_from_the_first = work.turn.is_empty();
        match self.claim_after(free, work).await? {
            0 if !is_from_the_first => self.claim_after(free, work).await,
            claimed => Ok(claimed),
        }
    }

    async fn claim_after(&self, free: usize, work: &mut Work) -> Result<usize, Error> {
        let asked = clock::instant();
        let lease = self.patience.lease;
        let due = store::claim(&self.db, &work.turn, free, lease).await?;
        let claimed = due.len();
        let last = due.iter().map(|head| &head.lane).max();
        // Fewer than wanted: it was the last of them, and the first has the next turn.
        work.turn = last.filter(|_| claimed == free).cloned().unwrap_or_default();
        for head in due {
            let (db, handler, stop) = (self.db.clone(), self.handler.clone(), Arc::clone(&work.stop));
            let lease = Lease::asked_for(asked, lease);
            work.running.spawn(lane::run(db, handler, self.patience, head, lease, stop));
        }
        Ok(claimed)
    }

    /// Deletes what was delivered, by all lanes that have ended by now in one statement.
    async fn finish(&self, ended: Ended, work: &mut Work) {
        let mut delivered = work.count(ended, self.patience);
        while let Some(ended) = work.running.try_join_next() {
            delivered.extend(work.count(ended, self.patience));
        }
        if !delivered.is_empty() && told(store::delivered(&self.db, &delivered).await).is_some() {
            work.done.delivered += delivered.len() as u64;
        }
    }

    /// Not in step with the other relays.
    fn pause(&self) -> Duration {
        self.poll.mul_f64(0.5 + fastrand::f64())
    }
}

/// A database that cannot be reached is told as an event.
fn told<T>(asked: Result<T, Error>) -> Option<T> {
    asked.inspect_err(event::unreachable).ok()
}

impl<DB: Backend> fmt::Debug for Relay<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("concurrency", &self.concurrency)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
