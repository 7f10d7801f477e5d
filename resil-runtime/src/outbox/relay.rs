use super::Handler;
use super::lane::{self, Ran};
use super::message::MessageId;
use super::store;
use crate::ledger::Lease;
use crate::policy::retry::{Backoff, Jitter};
use crate::registry::events;
use crate::{Backend, Db, Error, clock};
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
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

/// How long a handler may take, how often it may fail, and what is waited in between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    lease: Duration,
    pub(super) attempts: u32,
    base: Duration,
    max: Duration,
}

impl Patience {
    /// The longest time for one message: a lease has room for two.
    pub(super) fn longest(&self) -> Duration {
        self.lease / 2
    }

    /// The wait after this attempt has failed; no less than what it was told to wait, up to an hour.
    pub(super) fn wait(&self, attempt: u32, told: Option<Duration>) -> Duration {
        let backoff = Backoff { base: self.base, factor: 2.0, max: self.max, jitter: Jitter::Full };
        let wait = backoff.delay(attempt, Duration::ZERO, || 1.0 - fastrand::f64());
        wait.max(told.unwrap_or_default().min(LONGEST_WAIT))
    }
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

const LONGEST_WAIT: Duration = Duration::from_hours(1);
const BETWEEN_LOOKS: Duration = Duration::from_secs(60);

type Running = JoinSet<Ran>;
type Ended = Result<Ran, JoinError>;

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
    /// is cut off after half of that.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.patience.lease = lease;
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
    pub const fn base(mut self, base: Duration) -> Self {
        self.patience.base = base;
        self
    }

    /// The longest wait between two attempts. 1 min unless told.
    pub const fn max(mut self, max: Duration) -> Self {
        self.patience.max = max;
        self
    }

    /// How often to look for messages of other processes. 1 s unless told. A commit through the same [`Db`], or a clone
    /// of it, wakes the relay at once.
    pub const fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
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
        let (mut running, mut done) = (Running::new(), Relayed::default());
        let mut turn = Turn::default();
        let mut looked: Option<Instant> = None;
        loop {
            if looked.is_none_or(|looked| looked.elapsed() >= BETWEEN_LOOKS) {
                looked = Some(clock::instant());
                // If it fails, so does the next claim, which tells of it.
                _ = store::heal(&self.db).await;
            }
            let is_busy = running.len() >= self.concurrency;
            let claimed = if is_busy { 0 } else { told(self.claim(&mut turn, &mut running).await).unwrap_or(0) };
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(ended) = running.join_next() => self.finish(&mut done, ended, &mut running).await,
                () = self.db.wake().notified(), if !is_busy && claimed == 0 => {}
                () = sleep(self.pause()), if !is_busy && claimed == 0 => {}
                () = std::future::ready(()), if claimed > 0 => {}
            }
        }
        let rest = async {
            while let Some(ended) = running.join_next().await {
                self.finish(&mut done, ended, &mut running).await;
            }
        };
        _ = timeout(self.grace, rest).await;
        done
    }

    /// Delivers everything that is due now, and returns when nothing is: for tests, and for a job that a scheduler starts.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database cannot be asked.
    pub async fn run_once(&self) -> Result<Relayed, Error> {
        let (mut running, mut done) = (Running::new(), Relayed::default());
        let mut turn = Turn::default();
        loop {
            let claimed = self.claim(&mut turn, &mut running).await?;
            while let Some(ended) = running.join_next().await {
                self.finish(&mut done, ended, &mut running).await;
            }
            if claimed == 0 {
                return Ok(done);
            }
        }
    }

    /// Takes up what is due, as far as there is room for it.
    async fn claim(&self, turn: &mut Turn, running: &mut Running) -> Result<usize, Error> {
        let mut claimed = self.claim_after(turn, running).await?;
        if claimed == 0 && !turn.is_first() {
            *turn = Turn::default();
            claimed = self.claim_after(turn, running).await?;
        }
        Ok(claimed)
    }

    async fn claim_after(&self, turn: &mut Turn, running: &mut Running) -> Result<usize, Error> {
        let free = self.concurrency - running.len();
        let asked = clock::instant();
        let lease = self.patience.lease;
        let due = store::claim(&self.db, &turn.0, free, lease).await?;
        let claimed = due.len();
        let last = due.iter().map(|head| &head.lane).max();
        *turn = Turn(last.filter(|_| claimed == free).cloned().unwrap_or_default());
        for head in due {
            let (db, handler) = (self.db.clone(), self.handler.clone());
            running.spawn(lane::run(db, handler, self.patience, head, Lease::asked_for(asked, lease)));
        }
        Ok(claimed)
    }

    /// Deletes what was delivered, by all lanes that have ended by now in one statement.
    async fn finish(&self, done: &mut Relayed, ended: Ended, running: &mut Running) {
        let mut delivered: Vec<MessageId> = Vec::new();
        let mut count = |ended: Ended| match ended {
            Ok(ran) => {
                done.failed += u64::from(ran.has_failed);
                done.set_aside += u64::from(ran.is_set_aside);
                delivered.extend(ran.delivered);
            }
            Err(_) => done.failed += 1,
        };
        count(ended);
        while let Some(ended) = running.try_join_next() {
            count(ended);
        }
        if !delivered.is_empty() && told(store::delivered(&self.db, &delivered).await).is_some() {
            done.delivered += delivered.len() as u64;
        }
    }

    /// Not in step with the other relays.
    fn pause(&self) -> Duration {
        self.poll.mul_f64(0.5 + fastrand::f64())
    }
}

/// A database that cannot be reached is told as an event.
fn told<T>(asked: Result<T, Error>) -> Option<T> {
    asked.inspect_err(events::outbox_unreachable).ok()
}

/// The lane that had the last turn: the next one is after it, so that none waits for another that is always busy.
#[derive(Debug, Default)]
struct Turn(String);

impl Turn {
    fn is_first(&self) -> bool {
        self.0.is_empty()
    }
}

impl<DB: Backend> fmt::Debug for Relay<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("concurrency", &self.concurrency)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
