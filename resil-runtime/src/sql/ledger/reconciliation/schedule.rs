use super::{Reconciliation, Record};
use crate::sql::ledger::event;
use crate::sql::ledger::{Ledger, Operation};
use crate::sql::worker::caught;
use crate::{Backend, Error};
use futures_core::Stream;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Range;
use std::pin::pin;
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// Compares with the partner's books again and again. One in one process is enough; several do no harm.
///
/// Each comparison is told as an event, [`LedgerEvent::Reconciled`](crate::ledger::LedgerEvent::Reconciled) or
/// [`LedgerEvent::NotReconciled`](crate::ledger::LedgerEvent::NotReconciled). One that fails is followed by the next at its time.
#[must_use = "a schedule does nothing until it runs"]
pub struct Schedule<DB: Backend, O, F> {
    ledger: Ledger<DB>,
    records: F,
    every: Duration,
    reach: Duration,
    lag: Duration,
    operation: PhantomData<fn() -> O>,
}

impl<DB: Backend> Ledger<DB> {
    /// Compares with the partner's books on a schedule: `records` gives those of a period, to which it adds a margin as
    /// [`reconcile`](Self::reconcile) says.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod shop {
    /// # use resil::ledger::{Ledger, Operation, Record};
    /// # use resil::Error;
    /// # use futures_util::Stream;
    /// # use sqlx::Sqlite;
    /// # use std::{ops::Range, sync::Arc, time::{Duration, SystemTime}};
    /// # trait Partner: Send + Sync + 'static {
    /// #     type Records: Stream<Item = Result<Record<(i64, u64)>, Error>> + Send;
    /// #     fn records(&self, period: Range<SystemTime>) -> Self::Records;
    /// # }
    /// # async fn start<Confirm: Operation<Sqlite, Arguments = (i64, u64)>>(
    /// #     ledger: Ledger<Sqlite>, bank: Arc<impl Partner>, stopped: tokio::sync::oneshot::Receiver<()>,
    /// # ) {
    /// let compared = ledger.reconciliation::<Confirm, _, _, _>(move |period| bank.records(period));
    /// tokio::spawn(compared.every(Duration::from_secs(3_600)).run(async { _ = stopped.await; }));
    /// # }
    /// # }
    /// ```
    pub fn reconciliation<O, F, S, E>(&self, records: F) -> Schedule<DB, O, F>
    where
        O: Operation<DB>,
        F: Fn(Range<SystemTime>) -> S + Send + Sync,
        S: Stream<Item = Result<Record<O::Arguments>, E>> + Send,
        E: fmt::Display,
    {
        let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
        Schedule {
            ledger: self.clone(),
            records,
            every: hour,
            reach: day,
            lag: Duration::from_secs(600),
            operation: PhantomData,
        }
    }
}

impl<DB, O, F, S, E> Schedule<DB, O, F>
where
    DB: Backend,
    O: Operation<DB>,
    F: Fn(Range<SystemTime>) -> S + Send + Sync,
    S: Stream<Item = Result<Record<O::Arguments>, E>> + Send,
    E: fmt::Display,
{
    /// How often; the first time at once. Every hour by default.
    pub const fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// How far back. A day by default; longer than the partner may take to change a record, and than the service may be
    /// down.
    pub const fn reach(mut self, reach: Duration) -> Self {
        self.reach = reach;
        self
    }

    /// How long ago the period ends, because the partner's records are late. 10 min by default.
    pub const fn lag(mut self, lag: Duration) -> Self {
        self.lag = lag;
        self
    }

    /// Runs until `stop` is ready; a comparison under way is dropped then.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        // On the heap: whoever runs a schedule beside something else should not carry its states along.
        let mut comparisons = Box::pin(async {
            loop {
                // A panic of the user's stream ends one comparison, not all to come.
                match caught(self.once()).await {
                    Ok(Ok(_told)) => {}
                    Ok(Err(error)) => event::not_reconciled(O::NAME, &error.to_string()),
                    Err(panic) => event::not_reconciled(O::NAME, &format!("panicked: {panic}")),
                }
                sleep(self.every.max(Duration::from_millis(1))).await;
            }
        });
        let mut stop = pin!(stop);
        tokio::select! {
            () = &mut stop => {}
            never = &mut comparisons => match never {},
        }
    }

    /// Compares once, now.
    ///
    /// # Errors
    ///
    /// As [`Ledger::reconcile`].
    pub async fn once(&self) -> Result<Reconciliation, Error> {
        let end = SystemTime::now().checked_sub(self.lag).unwrap_or(SystemTime::UNIX_EPOCH);
        let start = end.checked_sub(self.reach).unwrap_or(SystemTime::UNIX_EPOCH);
        let period = start..end;
        self.ledger.reconcile::<O, E>(period.clone(), (self.records)(period)).await
    }
}

impl<DB: Backend, O, F> fmt::Debug for Schedule<DB, O, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("every", &self.every)
            .field("reach", &self.reach)
            .field("lag", &self.lag)
            .finish_non_exhaustive()
    }
}
