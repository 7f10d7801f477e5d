//! Unknown outcomes: the ledger of intents.
//!
//! An external call cannot be rolled back. So the *intent* is recorded first, in the caller's own transaction; the call is
//! made outside any transaction; and what comes of it is written into our own books in a second one, together with the
//! intent's end. Whatever dies in between, the ledger knows what was begun, and a [`Reconciler`] finishes it: by asking the
//! partner, by calling again under the same key, by cancelling under another, or by leaving it to an operator.
//!
//! What is promised:
//!
//! *at-least-once calls under one stable key, cancellations under another as stable, status checks under none; the effect is
//! exactly once if the partner deduplicates that key for `key_lifetime` or its status API is authoritative after `settle`;
//! otherwise one attempt in doubt, then MANUAL. Once in doubt, a refusal ends nothing unless it is conclusive, and what was
//! paid is taken back by intent only. Your database and the ledger never disagree.*
//!
//! `#[durable]` makes an [`Operation`] of a function; its page has the whole of it. [`State`] draws the way of an intent.

mod books;
mod dependencies;
mod drive;
mod durable;
mod erased;
mod error;
mod event;
mod gathering;
mod history;
mod inner;
mod intent;
mod keys;
mod machine;
mod moves;
mod open;
mod operation;
pub(crate) mod original_key;
mod point;
mod prune;
mod reading;
mod reconciler;
mod reconciliation;
mod record;
mod record_again;
mod recording;
mod refuse;
mod resolve;
mod run;
mod settings;
mod shares;
mod size;
mod start;
pub(super) mod state;
mod store;
mod together;
mod views;
mod written;

pub use crate::sql::worker::Failed;
pub use dependencies::{Dependencies, Required};
pub use drive::Driving;
pub use durable::Durable;
pub use error::LedgerError;
pub use event::LedgerEvent;
pub use history::{Entry, History};
pub use intent::{Intent, IntentId, IntentView, InvalidIntentId, Outcome};
pub(crate) use keys::KEYS;
pub use open::Opening;
pub use operation::{Operation, Report, Status};
pub use original_key::OriginalKey;
pub use reconciler::{Reconciled, Reconciler};
pub(crate) use reconciliation::RECORDS;
pub use reconciliation::{Difference, DifferenceKind, Mend, Reconciliation, Record, Schedule};
pub use record::record;
pub use record_again::record_again;
#[cfg(feature = "sqlite")]
pub(crate) use recording::RECORD;
#[cfg(feature = "postgres")]
pub(crate) use recording::RECORD_MARKED;
pub use refuse::refuse;
pub use resolve::{Filter, Resolution, Resolved};
pub use settings::{InDoubt, Settings};
pub use state::State;
pub(crate) use state::no_intents;
pub(crate) use store::{BOOKS_COLUMNS, TABLES, TIME_COLUMNS};
pub(crate) use views::{COUNTED, RESTING};

use crate::{Backend, Db, Error};
use inner::Inner;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// The intents of one database, and the operations that this process can drive. Cheap to clone.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod shop {
/// use resil::ledger::{Ledger, Outcome};
/// use resil::{Db, Error, durable, timeout};
/// use sqlx::Sqlite;
/// use std::sync::Arc;
///
/// struct Bank;
///
/// #[durable(db = Sqlite, op = "payment.confirm", version = 1, per = order)]
/// #[timeout("15s")]
/// async fn confirm(bank: &Bank, order: u64, won: u64) -> Result<String, Error> {
///     Ok(format!("receipt of {won}")) // the external call
/// }
///
/// async fn pay(db: Db<Sqlite>) -> Result<(), Error> {
///     db.migrate().await?;
///     let ledger = Ledger::on(db.clone()).operation::<confirm>().provide(Arc::new(Bank)).open().await?;
///
///     let intent = db.transaction(async |tx| confirm::record(tx, 7, 5_000).await).await?;
///     match ledger.drive(&intent).await? {
///         Outcome::Applied(receipt) => println!("{receipt}"),
///         Outcome::InDoubt(id) => println!("202: ask again for {id}"),
///         other => println!("{other:?}"),
///     }
///     Ok(())
/// }
/// # }
/// ```
pub struct Ledger<DB: Backend>(Arc<Inner<DB>>);

impl<DB: Backend> Ledger<DB> {
    /// A ledger in this database, to be put together: what it is to drive, and what that borrows.
    pub fn on(db: Db<DB>) -> Opening<DB> {
        Opening::new(db)
    }

    /// Drives an intent in line: calls the partner, and writes into our own books what came of it. It does what a reconciler
    /// would do later; a reconciler leaves a fresh intent alone for 10 s, so that whoever recorded it comes first.
    ///
    /// It answers as soon as there is something to wait for: [`Outcome::InDoubt`] is not an error, a reconciler goes on.
    ///
    /// Where another worker has the intent, it answers so at once; [`wait`](Driving::wait) lets it wait for that one.
    ///
    /// Dropping the future does not stop the drive, which goes on in a task of its own, in the caller's tracing span: a call
    /// that is under way is better finished than put in doubt. An orderly shutdown waits for it, see
    /// [`drained`](Self::drained).
    ///
    /// # Errors
    ///
    /// [`Error::Ledger`] if there is no such intent, it is one of another operation, the operation is not in this ledger, or
    /// its receipt cannot be read any more. [`Error::InsideTransaction`] while the caller holds a transaction or a
    /// connection. [`Error::Transaction`] if the database cannot be reached; a reconciler will find the intent.
    #[track_caller]
    pub fn drive<O: Operation<DB>>(&self, intent: &Intent<O>) -> Driving<DB, O> {
        Driving::new(&self.0, intent, Location::caller())
    }

    /// Waits until no drive of this ledger is under way in this process, those included whose future was dropped: before
    /// `main` returns, when no request is served any more. A [`Reconciler`] that was stopped does so by itself, for as long
    /// as its grace.
    pub async fn drained(&self) {
        self.0.drained().await;
    }

    /// What has become of an intent so far; nothing is driven.
    ///
    /// # Errors
    ///
    /// As [`drive`](Self::drive).
    pub async fn outcome<O: Operation<DB>>(&self, intent: &Intent<O>) -> Result<Outcome<O::Receipt>, Error> {
        drive::outcome::<DB, O>(self.0.read(intent.id()).await?)
    }

    /// An intent as an operator sees it, with its history.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database cannot be asked, or while the caller holds one of its connections.
    pub async fn find(&self, id: IntentId) -> Result<Option<IntentView>, Error> {
        views::view(self.db(), id).await
    }

    /// How many intents there are: operation, version, state, number. `None` is a state that this program does not know.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub async fn count(&self) -> Result<Vec<(String, u32, Option<State>, u64)>, Error> {
        views::count(self.db()).await
    }

    /// How many intents that are due are of operations or versions that this ledger does not know, and leaves to others. Among the
    /// 10,000 that are due for longest: where nobody takes those up, they come to be there.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub async fn unknown(&self) -> Result<Vec<(String, u32, u64)>, Error> {
        views::unknown(self.db(), self.0.known()).await
    }

    /// What finishes later what was begun.
    pub fn reconciler(&self) -> Reconciler<DB> {
        Reconciler::new(&self.0)
    }

    fn db(&self) -> &Db<DB> {
        self.0.db()
    }
}

impl<DB: Backend> Clone for Ledger<DB> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<DB: Backend> fmt::Debug for Ledger<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
