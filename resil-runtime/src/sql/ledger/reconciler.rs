use super::event;
use super::inner::Inner;
use super::point::point;
use super::run::{Drive, Work};
use super::shares::Shares;
use super::state::no_intents;
use super::store;
use super::views;
use crate::context::in_callers_span;
use crate::sql::worker::{self, Joined, Polling, Worker};
use crate::{Backend, Error, clock};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

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
    ledger: Arc<Inner<DB>>,
    shares: Shares,
    polling: Polling,
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

impl<DB: Backend> Reconciler<DB> {
    pub(super) fn new(ledger: &Arc<Inner<DB>>) -> Self {
        let shares = Shares::new(ledger.versions());
        Self { ledger: Arc::clone(ledger), shares, polling: Polling::new() }
    }

    /// How many intents are driven at once, of all operations together. As many as [`at_most`](Self::at_most) allows of each
    /// by default. Each waits for its partner without a connection.
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

    /// How often to look for intents that are due, when there were none. 1 s by default.
    pub fn poll(mut self, poll: Duration) -> Self {
        self.polling.poll(poll);
        self
    }

    /// How long what is under way may take to end, once it is to stop, drives in line included. 10 s by default. What is
    /// cut off is in doubt, and found again when its lease is over.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.polling.grace = grace;
        self
    }

    /// Runs until `stop` is ready, then takes up nothing more and waits for what is under way. A database that cannot be
    /// reached is told as an event, and asked again.
    ///
    /// Dropping the future cuts off what is under way.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Reconciled {
        let (mut reconciling, polling) = self.begin();
        let _looks = reconciling.ledger.db().seen().reconciler(reconciling.ledger.names());
        // On the heap: whoever runs a reconciler beside something else should not carry its states along.
        Box::pin(worker::run(&mut reconciling, polling, stop)).await;
        reconciling.done
    }

    /// Drives everything that is due now, and returns when nothing is: for tests, and for a job that a scheduler starts.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database cannot be asked.
    pub async fn run_once(self) -> Result<Reconciled, Error> {
        let (mut reconciling, polling) = self.begin();
        Box::pin(async {
            reconciling.look().await;
            worker::run_once(&mut reconciling, polling).await
        })
        .await?;
        Ok(reconciling.done)
    }

    fn begin(self) -> (Reconciling<DB>, Polling) {
        let Self { ledger, shares, mut polling } = self;
        polling.concurrency(shares.all());
        (Reconciling { ledger, shares, done: Reconciled::default() }, polling)
    }
}

/// A reconciler that runs.
struct Reconciling<DB: Backend> {
    ledger: Arc<Inner<DB>>,
    shares: Shares,
    done: Reconciled,
}

impl<DB: Backend> Worker for Reconciling<DB> {
    type Ran = Result<Drive, Error>;

    /// Intents of operations that this process does not know, and those that a clock which was set back has put off.
    async fn look(&mut self) {
        let (db, known) = (self.ledger.db(), self.ledger.known());
        if let Ok(unknown) = views::unknown(db, known).await {
            for (op, version, count) in unknown {
                event::unknown(&op, version, count);
            }
        }
        // If it fails, so does the next claim, which tells of it.
        _ = store::heal(db).await;
    }

    async fn claim(&mut self, most: usize, running: &mut JoinSet<Self::Ran>) -> Result<usize, Error> {
        let Some(room) = self.shares.room() else { return Ok(0) };
        let asked = clock::instant();
        let known = room.known.as_deref().unwrap_or(self.ledger.known());
        let most = room.most.min(most);
        let due = store::claim_due(self.ledger.db(), known, most, self.ledger.lease()).await?;
        let claimed = due.len();
        self.done.claimed += claimed as u64;
        for held in due {
            point("after", held.position.state);
            // What is claimed is known.
            if let Ok(operation) = self.ledger.operation(&held.op, held.version) {
                let place = self.shares.take(operation.name());
                let work = Work::new(Arc::clone(&self.ledger), operation, held, asked).run();
                running.spawn(in_callers_span(async move {
                    let _place = place;
                    work.await
                }));
            }
        }
        Ok(claimed)
    }

    async fn sample(&mut self) {
        let (db, operations) = (self.ledger.db(), self.ledger.names());
        // If it fails, so does the next claim, which tells of it.
        if let Ok(waiting) = views::waiting(db, &operations).await {
            db.seen().intents(operations.into_iter().flat_map(no_intents), waiting);
        }
    }

    async fn ended(&mut self, ended: Vec<Joined<Self::Ran>>) {
        for one in ended {
            match one {
                Ok(Ok(Drive::Rested(_))) => {}
                Ok(Ok(Drive::Lost)) => self.done.lost += 1,
                Ok(Err(_)) | Err(_) => self.done.failed += 1,
            }
        }
    }

    async fn drained(&mut self) {
        self.ledger.drained().await;
    }

    fn unreachable(&self, error: &Error) {
        event::unreachable(error);
    }
}
