use super::error::LedgerError;
use super::inner::Inner;
use super::intent::{Intent, IntentId, Outcome};
use super::operation::{Operation, Report};
use super::point::point;
use super::run::{Drive, Work};
use super::state::State;
use super::store::{self, Claimed};
use crate::context::in_callers_span;
use crate::transaction::TransactionGuard;
use crate::{Backend, Error, Site, Stored as _, clock};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

const DRIVE: Site = Site { function: "ledger.drive(..)", file: file!(), line: line!() };

/// How often it is looked what others have made of it: at first, and in the end.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

type Claiming = Pin<Box<dyn Future<Output = Result<Claimed, Error>> + Send>>;

/// A drive in line: see [`Ledger::drive`](super::Ledger::drive).
#[must_use = "a drive does nothing until it is awaited"]
pub struct Driving<DB: Backend, O> {
    ledger: Arc<Inner<DB>>,
    id: IntentId,
    called_at: &'static Location<'static>,
    wait: Duration,
    running: Option<Claiming>,
    operation: PhantomData<fn() -> O>,
}

impl<DB: Backend, O: Operation<DB>> Driving<DB, O> {
    pub(super) fn new(ledger: &Arc<Inner<DB>>, intent: &Intent<O>, called_at: &'static Location<'static>) -> Self {
        let (ledger, id) = (Arc::clone(ledger), intent.id());
        Self { ledger, id, called_at, wait: Duration::ZERO, running: None, operation: PhantomData }
    }

    /// Waits for so long, from the first poll on, before it answers [`Outcome::InDoubt`]: for another drive of the same
    /// intent, in this process or another one, and for what a wait or a status check will show. Not at all by default.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn twice<O: resil::ledger::Operation<sqlx::Sqlite>>(
    /// #     ledger: resil::ledger::Ledger<sqlx::Sqlite>, intent: resil::ledger::Intent<O>,
    /// # ) -> Result<(), resil::Error> {
    /// use std::time::Duration;
    ///
    /// // The customer has clicked twice: both requests get the answer.
    /// let outcome = ledger.drive(&intent).wait(Duration::from_secs(5)).await?;
    /// # _ = outcome; Ok(()) }
    /// ```
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

impl<DB: Backend, O: Operation<DB>> Future for Driving<DB, O> {
    type Output = Result<Outcome<O::Receipt>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Self { ledger, id, called_at, wait, running, .. } = this;
        let running = running.get_or_insert_with(|| Box::pin(drive(Arc::clone(ledger), *id, called_at, *wait)));
        let now = std::task::ready!(running.as_mut().poll(cx));
        Poll::Ready(now.and_then(outcome::<DB, O>))
    }
}

async fn drive<DB: Backend>(
    ledger: Arc<Inner<DB>>,
    id: IntentId,
    called_at: &'static Location<'static>,
    wait: Duration,
) -> Result<Claimed, Error> {
    TransactionGuard::new().at(&DRIVE).check_call(called_at)?;
    let until = clock::after(clock::instant(), wait);
    let mut pause = FIRST_PAUSE;
    loop {
        let (driven, underway) = (here(Arc::clone(&ledger), id), ledger.underway());
        let driven = tokio::spawn(in_callers_span(async move {
            let _underway = underway;
            driven.await
        }));
        let mut now = match driven.await {
            Ok(driven) => driven?,
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            // The runtime is shutting down.
            Err(_) => return ledger.read(id).await,
        };
        loop {
            if now.position.state.rests() || clock::instant() >= until {
                return Ok(now);
            }
            tokio::time::sleep_until(until.min(clock::after(clock::instant(), pause))).await;
            pause = LONGEST_PAUSE.min(pause * 2);
            now = ledger.read(id).await?;
            if now.due.is_some_and(|due| due <= now.now) {
                break;
            }
        }
    }
}

/// The drive itself: what a reconciler would do later.
async fn here<DB: Backend>(ledger: Arc<Inner<DB>>, id: IntentId) -> Result<Claimed, Error> {
    let asked = clock::instant();
    point("before", State::Calling);
    let Some(held) = store::claim_one(ledger.db(), id, ledger.known(), ledger.lease()).await? else {
        let now = ledger.read(id).await?;
        if !now.position.state.rests() {
            ledger.operation(&now.op, now.version)?;
        }
        return Ok(now);
    };
    point("after", held.position.state);
    let operation = ledger.operation(&held.op, held.version)?;
    match Work::new(Arc::clone(&ledger), operation, held, asked).run().await? {
        Drive::Rested(now) => Ok(*now),
        Drive::Lost => ledger.read(id).await,
    }
}

/// What a drive answers for an intent that stands like this.
pub(super) fn outcome<DB: Backend, O: Operation<DB>>(now: Claimed) -> Result<Outcome<O::Receipt>, Error> {
    let Claimed { id, op, position, receipt, why, is_pruned, .. } = now;
    let is_asked_again = matches!(position.state, State::Recorded | State::Calling | State::Unknown | State::Succeeded);
    let is_done = position.is_done_here && is_asked_again;
    if op != O::NAME {
        return Err(LedgerError::OtherOperation { op: O::NAME }.into());
    }
    Ok(match position.state {
        // The second is what our own books say while the partner is asked again.
        state if (state == State::Applied || is_done) && is_pruned => return Err(LedgerError::Pruned(id).into()),
        state if state == State::Applied || is_done => {
            let unreadable = |why| LedgerError::Unreadable { op, why };
            Outcome::Applied(O::Receipt::decode(&receipt.unwrap_or_default()).map_err(unreadable)?)
        }
        State::Rejected => Outcome::Rejected(Report { why }),
        State::Compensated => Outcome::Compensated(Report { why }),
        State::Manual => Outcome::Manual(id),
        _ => Outcome::InDoubt(id),
    })
}

impl<DB: Backend, O> fmt::Debug for Driving<DB, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driving").field("id", &self.id).field("wait", &self.wait).finish_non_exhaustive()
    }
}
