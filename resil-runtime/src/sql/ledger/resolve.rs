//! What an operator decides about an intent in MANUAL. Who, when and why stay in its history.

use super::Ledger;
use super::error::LedgerError;
use super::event;
use super::intent::{IntentId, IntentView};
use super::state::State;
use super::store;
use crate::{Backend, Error};

/// What an operator has found out about an intent in MANUAL, or wants to be done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The partner has done it, and this is its receipt, as JSON: our own books will say so.
    Done(String),
    /// The partner has not done it and will not: our own books will say so.
    NotDone,
    /// Call again under the same key.
    CallAgain,
    /// Ask the partner for the status again.
    CheckAgain,
    /// Cancel it with the partner.
    Cancel,
    /// Both books were brought together by hand: `true` if it counts as done. Nothing is called or written any more.
    ByHand(bool),
}

impl<DB: Backend> Ledger<DB> {
    /// The intents that wait for an operator, the oldest first, so many at most.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database cannot be asked, or while the caller holds one of its connections.
    pub async fn manual(&self, most: u32) -> Result<Vec<IntentView>, Error> {
        store::manual(self.db(), most).await
    }

    /// Takes an intent out of MANUAL. `by` is who decided, `why` for what reason; both are kept in its history.
    ///
    /// # Errors
    ///
    /// [`Error::Ledger`] if there is no such intent, it is not in MANUAL, its operation is not in this ledger or has no such
    /// step, or the receipt is none of that operation. [`Error::Transaction`] if the database fails.
    pub async fn resolve(&self, id: IntentId, resolution: Resolution, by: &str, why: &str) -> Result<(), Error> {
        let Some(intent) = store::read(self.db(), id).await? else {
            return Err(LedgerError::NoSuchIntent(id).into());
        };
        let (to, receipt) = match &resolution {
            Resolution::Done(receipt) => (State::Succeeded, Some(receipt.as_str())),
            Resolution::NotDone => (State::Declined, None),
            Resolution::CallAgain => (State::Recorded, None),
            Resolution::CheckAgain => (State::Unknown, None),
            Resolution::Cancel => (State::Compensating, None),
            Resolution::ByHand(true) => (State::Applied, None),
            Resolution::ByHand(false) => (State::Rejected, None),
        };
        if !to.rests() {
            let operation = self.operation(&intent.op, intent.version)?;
            let settings = operation.settings();
            if let Some(receipt) = receipt {
                let unreadable = |why| LedgerError::Unreadable { op: intent.op.clone(), why };
                operation.reads(receipt).map_err(unreadable)?;
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
        let why = format!("resolved by {by}: {why}");
        if !store::resolve(self.db(), id, to, receipt, &why).await? {
            let state = store::read(self.db(), id).await?.map_or(State::Manual, |intent| intent.position.state);
            return Err(LedgerError::NotManual { state }.into());
        }
        event::moved(id, &intent.op, State::Manual, to);
        Ok(())
    }
}
