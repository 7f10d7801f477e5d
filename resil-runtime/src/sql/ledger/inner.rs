//! What a ledger shares with everything that drives its intents.

use super::dependencies::Dependencies;
use super::erased::Erased;
use super::error::LedgerError;
use super::gathering::Gathering;
use super::intent::IntentId;
use super::moves::Moves;
use super::store::{self, Claimed};
use super::together::{Bookings, OneOperation};
use crate::{Backend, Db, Error};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

pub(super) struct Inner<DB: Backend> {
    db: Db<DB>,
    operations: HashMap<(&'static str, u32), Arc<dyn Erased<DB>>>,
    /// Where the moves of all intents come together, and the books of each operation.
    moves: Arc<Gathering<Moves<DB>>>,
    bookings: HashMap<(&'static str, u32), Arc<Bookings<DB>>>,
    /// The operations as a JSON list, for the statement that claims.
    known: String,
    given: Dependencies,
    lease: Duration,
    /// How many drives in line of this process are under way.
    underway: watch::Sender<usize>,
}

impl<DB: Backend> Inner<DB> {
    pub(super) fn new(
        db: &Db<DB>,
        operations: HashMap<(&'static str, u32), Arc<dyn Erased<DB>>>,
        given: Dependencies,
        lease: Duration,
    ) -> Self {
        let names: Vec<_> = operations.keys().map(|(name, version)| known_as(name, *version)).collect();
        let bookings = operations.keys().map(|known| (*known, Gathering::new(OneOperation::new()))).collect();
        let db = db.with_reserve();
        Self {
            moves: Gathering::new(Moves(db.clone())),
            bookings,
            db,
            operations,
            known: serde_json::json!(names).to_string(),
            given,
            lease,
            underway: watch::Sender::default(),
        }
    }

    pub(super) async fn read(&self, id: IntentId) -> Result<Claimed, Error> {
        store::read(self.db(), id).await?.ok_or_else(|| LedgerError::NoSuchIntent(id).into())
    }

    pub(super) fn operation(&self, op: &str, version: u32) -> Result<Arc<dyn Erased<DB>>, Error> {
        // The names of the map live as long as the program; this one does not.
        let known = self.operations.iter().find(|((name, number), _)| *name == op && *number == version);
        let operation = known.map(|(_, operation)| Arc::clone(operation));
        operation.ok_or_else(|| LedgerError::NotInLedger { op: op.to_owned(), version }.into())
    }

    pub(super) fn moves(&self) -> &Arc<Gathering<Moves<DB>>> {
        &self.moves
    }

    pub(super) fn bookings(&self, op: &'static str, version: u32) -> Option<&Arc<Bookings<DB>>> {
        self.bookings.get(&(op, version))
    }

    /// The operations it drives.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.operations.keys().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The versions of operations it drives, and whose each is.
    pub(super) fn versions(&self) -> Vec<(String, &'static str)> {
        self.operations.keys().map(|(name, version)| (known_as(name, *version), *name)).collect()
    }

    pub(super) fn db(&self) -> &Db<DB> {
        &self.db
    }

    pub(super) fn given(&self) -> &Dependencies {
        &self.given
    }

    pub(super) fn known(&self) -> &str {
        &self.known
    }

    pub(super) fn lease(&self) -> Duration {
        self.lease
    }

    /// One more drive is under way, as long as this lives.
    pub(super) fn underway(&self) -> Underway {
        self.underway.send_modify(|number| *number += 1);
        Underway(self.underway.clone())
    }

    /// Until no drive is under way.
    pub(super) async fn drained(&self) {
        // Fails only once the sender is gone, which `self` has.
        _ = self.underway.subscribe().wait_for(|number| *number == 0).await;
    }
}

impl<DB: Backend> fmt::Debug for Inner<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("operations", &self.known).field("given", &self.given).finish_non_exhaustive()
    }
}

/// What the statement that claims calls an operation.
fn known_as(name: &str, version: u32) -> String {
    format!("{name} {version}")
}

pub(super) struct Underway(watch::Sender<usize>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.send_modify(|number| *number -= 1);
    }
}
