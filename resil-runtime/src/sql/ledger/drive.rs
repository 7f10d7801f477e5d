use super::store::Claimed;
use super::{Intent, IntentId, Ledger, Operation, Outcome, outcome};
use crate::sql::worker::in_callers_span;
use crate::transaction::TransactionGuard;
use crate::{Backend, Error, Site, clock};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;

const DRIVE: Site = Site { function: "ledger.drive(..)", file: file!(), line: line!() };

/// How often it is looked what others have made of it: at first, and in the end.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

type Claiming = Pin<Box<dyn Future<Output = Result<Claimed, Error>> + Send>>;

/// A drive in line: see [`Ledger::drive`].
#[must_use = "a drive does nothing until it is awaited"]
pub struct Driving<DB: Backend, O> {
    ledger: Ledger<DB>,
    id: IntentId,
    called_at: &'static Location<'static>,
    wait: Duration,
    running: Option<Claiming>,
    operation: PhantomData<fn() -> O>,
}

impl<DB: Backend, O: Operation<DB>> Driving<DB, O> {
    pub(super) fn new(ledger: &Ledger<DB>, intent: &Intent<O>, called_at: &'static Location<'static>) -> Self {
        let (ledger, id) = (ledger.clone(), intent.id());
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
        let running = running.get_or_insert_with(|| Box::pin(drive(ledger.clone(), *id, called_at, *wait)));
        let now = std::task::ready!(running.as_mut().poll(cx));
        Poll::Ready(now.and_then(outcome::<DB, O>))
    }
}

async fn drive<DB: Backend>(
    ledger: Ledger<DB>,
    id: IntentId,
    called_at: &'static Location<'static>,
    wait: Duration,
) -> Result<Claimed, Error> {
    TransactionGuard::new().at(&DRIVE).check_call(called_at)?;
    let until = clock::after(clock::instant(), wait);
    let mut pause = FIRST_PAUSE;
    loop {
        let (here, underway) = (ledger.clone(), ledger.0.underway.one_more());
        let driven = tokio::spawn(in_callers_span(async move {
            let _underway = underway;
            here.drive_here(id).await
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

impl<DB: Backend, O> fmt::Debug for Driving<DB, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driving").field("id", &self.id).field("wait", &self.wait).finish_non_exhaustive()
    }
}

/// How many drives of this process are under way.
#[derive(Debug, Default)]
pub(super) struct Underway(watch::Sender<usize>);

/// One of them, as long as it lives.
struct One(watch::Sender<usize>);

impl Underway {
    fn one_more(&self) -> One {
        self.0.send_modify(|number| *number += 1);
        One(self.0.clone())
    }

    /// Until there is none.
    pub(super) async fn none(&self) {
        // Fails only once the sender is gone, which `self` is.
        _ = self.0.subscribe().wait_for(|number| *number == 0).await;
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.send_modify(|number| *number -= 1);
    }
}
