//! Two-sided reconciliation: our books beside the partner's, in both directions.
//!
//! The status check of an intent asks about what we know. What it cannot find is a payment that only the partner has, one
//! that the partner has lost, or one that somebody has changed there. So the partner's records of a period are put beside
//! our own intents, by the key that both have in common:
//!
//! | difference | here | there | mended by |
//! |---|---|---|---|
//! | only there | no intent | done | the status check, then our own books, if the record says what it is about; otherwise MANUAL. Nothing where the database has an installation's name: it may be another installation's |
//! | only here | APPLIED | no record | the status check: it is there after all, or it is called again under the same key; without a check MANUAL |
//! | amount | APPLIED | done, another amount | MANUAL |
//! | state | REJECTED | done | `compensate`; without one MANUAL |
//! | state | COMPENSATED | done | MANUAL: they have said that it is cancelled |
//! | state | APPLIED | undone | MANUAL: somebody has undone it there |
//!
//! What was found is put on its way in the ledger, and a reconciler carries it out as it does everything else. Our own books
//! are written again only if they say otherwise, and what is done there is never undone but by an operator. What is under
//! way, what has moved since the period ended, and what waits for an operator already is counted and left alone. What an
//! operator has decided about is told, and not touched again.

mod difference;
mod record;
pub(super) mod report;
mod schedule;
mod staging;

pub use difference::{Difference, DifferenceKind, Mend};
pub use record::Record;
pub use report::Reconciliation;
pub use schedule::Schedule;
pub(crate) use staging::RECORDS;

use super::error::LedgerError;
use super::event;
use super::keys;
use super::record::fingerprint;
use super::{IntentId, Ledger, Operation, State};
use crate::transaction::TransactionGuard;
use crate::{Backend, Error, IdempotencyKey, Site, Stored as _};
use futures_core::Stream;
use staging::{Adopted, FoundDifference, Question, Staging};
use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::Range;
use std::panic::Location;
use std::pin::pin;
use std::time::{Duration, SystemTime};

const RECONCILE: Site = Site { function: "ledger.reconcile(..)", file: file!(), line: line!() };

/// So many differences are no accident if they are a tenth of all, too.
const MANY: u64 = 100;

/// However long the partner withholds its next record, nobody waits longer for it.
const LONGEST: Duration = Duration::from_secs(300);

impl<DB: Backend> Ledger<DB> {
    /// Compares the intents of operation `O` that were recorded in a period with the partner's records, and puts what
    /// differs on its way: see [`Record`] for what the partner says, [`Mend`] for what is done. A
    /// [`reconciler`](Self::reconciler) carries it out.
    ///
    /// Give it the partner's records of this service, of the period and of a margin on both sides, because two clocks date
    /// a call; end the period in the past, and read them after its end. An intent that was begun or finished outside of the
    /// period is not missed in them. They may come in any order, and several times. 500 of them are in memory at a time, the
    /// others in the database until the comparison ends.
    ///
    /// If more than a hundred differ, and a tenth of what was compared, nothing is mended: see
    /// [`Reconciliation::held_back`].
    ///
    /// # Errors
    ///
    /// [`Error::Ledger`] if the stream of records breaks, or if none comes for 5 min: nothing is compared then.
    /// [`Error::InsideTransaction`] while the caller holds a transaction or a connection. [`Error::Transaction`] if the
    /// database fails: what was put on its way by then goes on, and the next comparison finds the rest.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the comparison in the same way.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod shop {
    /// use resil::ledger::{Ledger, Reconciliation, Record};
    /// use resil::{Error, IdempotencyKey, durable, timeout};
    /// use futures_util::{Stream, StreamExt as _};
    /// use sqlx::Sqlite;
    /// use std::time::{Duration, SystemTime};
    ///
    /// # struct Bank;
    /// # struct Line { key: String, order: i64, won: u64, is_cancelled: bool }
    /// # impl Bank {
    /// #     fn lines(&self, _: SystemTime, _: SystemTime) -> impl Stream<Item = Result<Line, Error>> + Send + use<> {
    /// #         futures_util::stream::iter([])
    /// #     }
    /// # }
    /// #[durable(db = Sqlite, op = "payment.confirm", per = order, amount = won, in_doubt = repeat)]
    /// #[timeout("15s")]
    /// async fn confirm(bank: &Bank, order: i64, won: u64, key: &IdempotencyKey) -> Result<String, Error> {
    ///     # _ = (bank, key); Ok(format!("receipt of {won} for {order}"))
    /// }
    ///
    /// async fn yesterday(ledger: &Ledger<Sqlite>, bank: &Bank) -> Result<Reconciliation, Error> {
    ///     let (day, margin) = (Duration::from_secs(86_400), Duration::from_secs(3_600));
    ///     let end = SystemTime::now() - margin;
    ///     // The partner's settlement file, or the pages of its API.
    ///     let records = bank.lines(end - day - margin, end + margin).map(|line| {
    ///         line.map(|line| {
    ///             let record = if line.is_cancelled { Record::undone(line.key) } else { Record::done(line.key) };
    ///             record.amount(line.won).arguments((line.order, line.won))
    ///         })
    ///     });
    ///     ledger.reconcile::<confirm, _>(end - day..end, records).await
    /// }
    /// # }
    /// ```
    #[track_caller]
    pub fn reconcile<O: Operation<DB>, E: fmt::Display>(
        &self,
        period: Range<SystemTime>,
        records: impl Stream<Item = Result<Record<O::Arguments>, E>> + Send,
    ) -> impl Future<Output = Result<Reconciliation, Error>> + Send {
        let called_at = Location::caller();
        async move {
            TransactionGuard::new().at(&RECONCILE).check_call(called_at)?;
            let mut staging = Staging::new(self.db()).await?;
            let compared = match self.stage::<O, E>(&mut staging, records).await {
                Ok(()) => self.compare::<O>(&staging, period).await,
                Err(error) => Err(error),
            };
            // What cannot be discarded now is swept away by a later comparison.
            _ = staging.discard().await;
            let report = compared?;
            event::reconciled(&report);
            Ok(report)
        }
    }

    async fn stage<O: Operation<DB>, E: fmt::Display>(
        &self,
        staging: &mut Staging<'_, DB>,
        records: impl Stream<Item = Result<Record<O::Arguments>, E>> + Send,
    ) -> Result<(), Error> {
        let broken = |why: String| Error::from(LedgerError::Records { op: O::NAME, why });
        let mut records = pin!(records);
        loop {
            let next = poll_fn(|cx| records.as_mut().poll_next(cx));
            let next = tokio::time::timeout(LONGEST, next).await;
            let next = next.map_err(|_| broken(format!("no record came within {LONGEST:?}")))?;
            match next.transpose().map_err(|error| broken(error.to_string()))? {
                Some(record) => staging.add(&record).await?,
                None => return staging.flush().await,
            }
        }
    }

    async fn compare<O: Operation<DB>>(
        &self,
        staging: &Staging<'_, DB>,
        period: Range<SystemTime>,
    ) -> Result<Reconciliation, Error> {
        let question = Question::new(O::NAME, &period);
        let counts = staging.count(&question).await?;
        // What stands in the file of a shared account may be of another installation, which has it in its own books.
        let is_shared = keys::known_installation(self.db()).await?.is_some();
        let differ = if is_shared { counts.differ - counts.only_there } else { counts.differ };
        let compared = counts.agree + differ;
        let mut report = Reconciliation {
            op: O::NAME.to_owned(),
            period,
            records: counts.all,
            agree: counts.agree,
            open: counts.open,
            manual: counts.manual,
            other: counts.other,
            held_back: differ > MANY && differ > compared / 10,
            found: [0; 4],
            differences: Vec::new(),
        };
        let mut last = String::new();
        loop {
            let page = staging.there(&question, &last).await?;
            let Some(found) = page.last() else { break };
            last.clone_from(&found.at);
            self.mend::<O>(page, is_shared, &mut report).await?;
        }
        last.clear();
        loop {
            let page = staging.here(&question, &last).await?;
            let Some(found) = page.last() else { break };
            last.clone_from(&found.at);
            self.mend::<O>(page, is_shared, &mut report).await?;
        }
        Ok(report)
    }

    /// Puts what differs on its way.
    async fn mend<O: Operation<DB>>(
        &self,
        page: Vec<FoundDifference>,
        is_shared: bool,
        report: &mut Reconciliation,
    ) -> Result<(), Error> {
        for mut found in page {
            let is_left_alone = report.held_back || (is_shared && found.difference.here.is_none());
            let mend = if is_left_alone { Mend::Nothing } else { self.mend_of::<O>(&found) };
            found.difference.mend = mend;
            let (from, id) = (found.difference.here, found.difference.id);
            if let Some(to) = mend.to() {
                let is_sent = match from {
                    None => self.adopt::<O>(&found, to).await?,
                    Some(_) => staging::send(self.db(), &found, to).await?,
                };
                match (is_sent, from) {
                    (true, _) => event::moved(id, O::NAME, from.unwrap_or(State::Recorded), to),
                    (false, _) => found.difference.mend = Mend::Nothing,
                }
            }
            report.add(found.difference);
        }
        Ok(())
    }

    /// What this program can do about it: an intent of another version is another function's.
    fn mend_of<O: Operation<DB>>(&self, found: &FoundDifference) -> Mend {
        let FoundDifference { difference, arguments, version, is_resolved, is_pruned, .. } = found;
        if *is_resolved {
            return Mend::Nothing;
        }
        // What is stored of an impossible key is a text about it.
        let is_key = IdempotencyKey::from_stored(&difference.key).is_ok_and(|key| IntentId::of(&key) == difference.id);
        if difference.here.is_none() && !is_key {
            return Mend::Nothing;
        }
        if *is_pruned {
            return Mend::Manual;
        }
        let operation = version.map(|version| self.0.operation(O::NAME, version));
        let settings = match operation {
            Some(Ok(operation)) => operation.settings(),
            Some(Err(_)) => return Mend::Manual,
            None => O::settings(),
        };
        let is_told = arguments.as_deref().is_some_and(|text| {
            // A record that contradicts itself says nothing.
            let amount = O::Arguments::decode(text).ok().map(|arguments| O::amount(&arguments));
            amount.is_some_and(|here| {
                here.is_none() || difference.amount_there.is_none() || here == difference.amount_there
            })
        });
        Mend::of(difference.kind, difference.here, is_told, &settings)
    }

    async fn adopt<O: Operation<DB>>(&self, found: &FoundDifference, to: State) -> Result<bool, Error> {
        // Nothing that decodes, where nobody knows what it is about; and no fingerprint, so that `record` can say so.
        let arguments = found.arguments.as_deref().unwrap_or_default();
        let decoded = O::Arguments::decode(arguments).ok();
        let amount = decoded.as_ref().and_then(O::amount).or_else(|| found.difference.amount_there.clone());
        let adopted = Adopted {
            op: O::NAME,
            version: O::VERSION,
            arguments,
            fingerprint: &decoded.map(|_| fingerprint(arguments)).unwrap_or_default(),
            settle: O::settings().settle,
            amount: amount.as_deref(),
        };
        staging::adopt(self.db(), &found.difference, to, &adopted).await
    }
}
