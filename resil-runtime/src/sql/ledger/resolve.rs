//! What an operator decides about an intent in MANUAL. Who, when and why stay in its history.

use super::Ledger;
use super::error::LedgerError;
use super::event;
use super::history::RESOLVED_BY;
use super::intent::{IntentId, IntentView};
use super::reading::Reading;
use super::state::State;
use super::store;
use super::views;
use crate::{Backend, Error, clock};

/// What an operator has found out about an intent in MANUAL, or wants to be done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The partner has done it, and this is its receipt, as JSON: our own books will say so.
    Done(String),
    /// The partner has not done it and will not: our own books will say so.
    NotDone,
    /// Call again under the same key; refused once the key is older than `key_lifetime`. If the partner refuses the repeat of a
    /// call that may have been applied, it waits for an operator again.
    CallAgain,
    /// Ask the partner for the status again.
    CheckAgain,
    /// Cancel it with the partner.
    Cancel,
    /// Both books were brought together by hand: `true` if it counts as done, for which the receipt has to be known. Nothing
    /// is called or written any more.
    ByHand(bool),
    /// Both books were brought together by hand, and it counts as done, with this receipt, as JSON.
    DoneByHand(String),
}

/// Which of the intents in MANUAL: all by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a filter does nothing by itself"]
pub struct Filter {
    op: Option<String>,
    why: Option<String>,
}

impl Filter {
    /// All of them.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those of this operation.
    pub fn op(mut self, op: impl Into<String>) -> Self {
        self.op = Some(op.into());
        self
    }

    /// Those whose reason has this text in it.
    pub fn why(mut self, part: impl Into<String>) -> Self {
        self.why = Some(part.into());
        self
    }
}

/// What has become of many.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Resolved {
    /// How many have gone on.
    pub resolved: u64,
    /// Those that could not, each with the reason. They stay in MANUAL.
    pub refused: Vec<(IntentId, Error)>,
}

impl<DB: Backend> Ledger<DB> {
    /// The intents that wait for an operator, the oldest first, so many at most.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database cannot be asked, or while the caller holds one of its connections.
    pub async fn manual(&self, most: u32) -> Result<Vec<IntentView>, Error> {
        views::manual(self.db(), most).await
    }

    /// Takes all intents out of MANUAL that the filter names, each as [`resolve`](Self::resolve) would: after an outage that
    /// has left many behind. `by` is who decided, `why` for what reason.
    ///
    /// # Errors
    ///
    /// [`Error::Ledger`] if the resolution has a receipt. [`Error::Transaction`] if the database fails; those before are
    /// resolved.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn after_the_outage(ledger: resil::ledger::Ledger<sqlx::Sqlite>) -> Result<(), resil::Error> {
    /// use resil::ledger::{Filter, Resolution};
    ///
    /// let filter = Filter::all().op("payment.confirm").why("status check failed");
    /// let done = ledger.resolve_all(&filter, &Resolution::CheckAgain, "alice", "their API is back").await?;
    /// println!("{} go on, {} do not", done.resolved, done.refused.len());
    /// # Ok(()) }
    /// ```
    pub async fn resolve_all(
        &self,
        filter: &Filter,
        resolution: &Resolution,
        by: &str,
        why: &str,
    ) -> Result<Resolved, Error> {
        if matches!(resolution, Resolution::Done(_) | Resolution::DoneByHand(_)) {
            return Err(LedgerError::OneReceipt.into());
        }
        let (mut done, mut last) = (Resolved::default(), String::new());
        loop {
            let page = views::manual_after(self.db(), &last).await?;
            let Some(view) = page.last() else { return Ok(done) };
            last = view.id.to_string();
            let is_meant = |view: &IntentView| {
                filter.op.as_ref().is_none_or(|op| *op == view.op)
                    && filter.why.as_ref().is_none_or(|part| view.why.contains(part))
            };
            for view in page.into_iter().filter(is_meant) {
                match self.resolve(view.id, resolution.clone(), by, why).await {
                    Ok(()) => done.resolved += 1,
                    Err(refused @ Error::Ledger(_)) => done.refused.push((view.id, refused)),
                    Err(failed) => return Err(failed),
                }
            }
        }
    }

    /// Takes an intent out of MANUAL. `by` is who decided, `why` for what reason; both are kept in its history.
    ///
    /// # Errors
    ///
    /// [`Error::Ledger`] if there is no such intent, it is not in MANUAL, its operation is not in this ledger or has no such
    /// step, the receipt is none of that operation, or the key is too old to call again. [`Error::Transaction`] if the database fails.
    pub async fn resolve(&self, id: IntentId, resolution: Resolution, by: &str, why: &str) -> Result<(), Error> {
        let asked = clock::instant();
        let Some(intent) = store::read(self.db(), id).await? else {
            return Err(LedgerError::NoSuchIntent(id).into());
        };
        let now = Reading::new(intent.now, asked).now();
        let (to, receipt) = match &resolution {
            Resolution::Done(receipt) => (State::Succeeded, Some(receipt.as_str())),
            Resolution::NotDone => (State::Declined, None),
            Resolution::CallAgain => (State::Recorded, None),
            Resolution::CheckAgain => (State::Unknown, None),
            Resolution::Cancel => (State::Compensating, None),
            Resolution::ByHand(true) => (State::Applied, None),
            Resolution::DoneByHand(receipt) => (State::Applied, Some(receipt.as_str())),
            Resolution::ByHand(false) => (State::Rejected, None),
        };
        if to != State::Rejected {
            let operation = self.0.operation(&intent.op, intent.version)?;
            let settings = operation.settings();
            // Whoever asks later gets a receipt.
            let known = intent.receipt.as_deref().unwrap_or_default();
            if let Some(receipt) = receipt.or((to == State::Applied).then_some(known)) {
                let unreadable = |why| LedgerError::Unreadable { op: intent.op.clone(), why };
                operation.reads(receipt).map_err(unreadable)?;
            }
            if to == State::Recorded && intent.position.key_is_old(&settings, now) {
                return Err(LedgerError::KeyTooOld { op: intent.op }.into());
            }
            let missing = match to {
                State::Unknown if !settings.verifies => Some("verify"),
                State::Compensating if !settings.compensates => Some("compensate"),
                _ => None,
            };
            if let Some(step) = missing {
                return Err(LedgerError::NoSuchStep { op: intent.op, step }.into());
            }
        }
        let why = format!("{RESOLVED_BY}{by}: {why}");
        if !store::resolve(self.db(), id, to, receipt, &why).await? {
            let state = store::read(self.db(), id).await?.map_or(State::Manual, |intent| intent.position.state);
            return Err(LedgerError::NotManual { state }.into());
        }
        event::moved(id, &intent.op, State::Manual, to);
        Ok(())
    }
}
