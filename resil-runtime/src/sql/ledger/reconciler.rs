use super::Ledger;
use super::event;
use super::point::point;
use super::run::{Drive, Work};
use super::shares::Shares;
use super::store;
use super::views;
use crate::sql::worker::beside;
use crate::{Backend, Error, clock};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};

/// Finishes what was begun: intents whose worker is gone, whose outcome is unknown, or that wait for their time.
///
/// Spawn one in each process, or in some; any number of them share one PostgreSQL, and each intent is driven by one.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # async fn start(ledger: resil::ledger::Ledger<sqlx::Sqlite>) {
/// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
/// let reconciler = tokio::spawn(ledger.reconciler().run(async { _ = stopped.await; }));
/// // .. serve ..
/// _ = stop.send(());
/// _ = reconciler.await; // what it was doing is finished, or found again by the next one
/// # }
/// ```
#[must_use = "a reconciler does nothing until it runs"]
#[derive(Debug)]
pub struct Reconciler<DB: Backend> {
    ledger: Ledger<DB>,
    shares: Shares,
    poll: Duration,
    grace: Duration,
}

/// What a reconciler has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Reconciled {
    /// How many intents it has claimed.
    pub claimed: u64,
    /// How many of them were taken over by another worker, because this one was silent for too long.
    pub lost: u64,
    /// How many steps could not be written down, because the database could not be reached.
    pub failed: u64,
}

/// So that a poll which is to be never has a random part, too.
const LONGEST_POLL: Duration = Duration::from_hours(12);
const BETWEEN_LOOKS: Duration = Duration::from_secs(60);

impl<DB: Backend> Reconciler<DB> {
    pub(super) fn new(ledger: Ledger<DB>) -> Self {
        let (poll, grace) = (Duration::from_secs(1), Duration::from_secs(10));
        let shares = Shares::new(ledger.versions());
        Self { ledger, shares, poll, grace }
    }

    /// How many intents are driven at once, of all operations together. As many as [`at_most`](Self::at_most) allows of each
    /// unless told. Each waits for its partner without a connection.
    pub fn concurrency(mut self, intents: usize) -> Self {
        self.shares.concurrency = Some(intents.max(1));
        self
    }

    /// How many intents of one operation are driven at once, so that a partner who hangs stops no other operation. 16 unless
    /// told; half of [`concurrency`](Self::concurrency) where that is told and there are several operations.
    pub fn at_most(mut self, intents: usize) -> Self {
        self.shares.at_most = Some(intents.max(1));
        self
    }

    /// How often to look for intents that are due, when there were none. 1 s unless told.
    pub fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll.min(LONGEST_POLL);
        self
    }

    /// How long what is under way may take to end, once it is to stop, drives in line included. 10 s unless told. What is
    /// cut off is in doubt, and found again when its lease is over.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Runs until `stop` is ready, then takes up nothing more and waits for what is under way. A database that cannot be
    /// reached is told as an event, and asked again.
    ///
    /// Dropping the future cuts off what is under way.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Reconciled {
        let mut stop = pin!(stop);
        let mut running = JoinSet::new();
        let mut done = Reconciled::default();
        let mut looked: Option<Instant> = None;
        loop {
            let claim = async {
                if looked.is_none_or(|looked| looked.elapsed() >= BETWEEN_LOOKS) {
                    looked = Some(clock::instant());
                    self.look().await;
                }
                self.claim(&mut running).await
            };
            let (claimed, is_stopped) = beside(&mut stop, claim).await;
            done.claimed += claimed as u64;
            let is_busy = self.shares.is_full();
            tokio::select! {
                biased;
                () = std::future::ready(()), if is_stopped => break,
                () = &mut stop, if !is_stopped => break,
                Some(ended) = running.join_next(), if is_busy => done.count(&ended),
                () = std::future::ready(()), if claimed > 0 => {}
                () = sleep(self.pause()), if claimed == 0 => {}
            }
            while let Some(ended) = running.try_join_next() {
                done.count(&ended);
            }
        }
        let rest = async {
            while let Some(ended) = running.join_next().await {
                done.count(&ended);
            }
            self.ledger.drained().await;
        };
        _ = timeout(self.grace, rest).await;
        done
    }

    /// Drives everything that is due now, and returns when nothing is: for tests, and for a job that a scheduler starts.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database cannot be asked.
    pub async fn run_once(self) -> Result<Reconciled, Error> {
        let mut done = Reconciled::default();
        self.look().await;
        loop {
            let mut running = JoinSet::new();
            let claimed = self.spawn_due(&mut running).await?;
            done.claimed += claimed as u64;
            while let Some(ended) = running.join_next().await {
                done.count(&ended);
            }
            if claimed == 0 {
                return Ok(done);
            }
        }
    }

    async fn claim(&self, running: &mut JoinSet<Result<Drive, Error>>) -> usize {
        match self.spawn_due(running).await {
            Ok(claimed) => claimed,
            Err(error) => {
                event::unreachable(&error);
                0
            }
        }
    }

    async fn spawn_due(&self, running: &mut JoinSet<Result<Drive, Error>>) -> Result<usize, Error> {
        let Some(room) = self.shares.room() else { return Ok(0) };
        let asked = clock::instant();
        let known = room.known.as_deref().unwrap_or(self.ledger.known());
        let due = store::claim_due(self.ledger.db(), known, room.most, self.ledger.lease()).await?;
        let claimed = due.len();
        for held in due {
            point("after", held.position.state);
            // What is claimed is known.
            if let Ok(operation) = self.ledger.operation(&held.op, held.version) {
                let place = self.shares.take(operation.name());
                let work = Work::new(self.ledger.clone(), operation, held, asked).run();
                running.spawn(async move {
                    let _place = place;
                    work.await
                });
            }
        }
        Ok(claimed)
    }

    /// What no claim finds: intents of operations that this process does not know, and those that a clock which was set back
    /// has put off.
    async fn look(&self) {
        let (db, known) = (self.ledger.db(), self.ledger.known());
        if let Ok(unknown) = views::unknown(db, known).await {
            for (op, version, count) in unknown {
                event::unknown(&op, version, count);
            }
        }
        // If it fails, so does the next claim, which tells of it.
        _ = store::heal(db).await;
    }

    /// Not in step with the other reconcilers.
    fn pause(&self) -> Duration {
        self.poll.mul_f64(0.5 + fastrand::f64())
    }
}

impl Reconciled {
    fn count(&mut self, ended: &Result<Result<Drive, Error>, JoinError>) {
        match ended {
            Ok(Ok(Drive::Rested(_))) => {}
            Ok(Ok(Drive::Lost)) => self.lost += 1,
            Ok(Err(_)) | Err(_) => self.failed += 1,
        }
    }
}
