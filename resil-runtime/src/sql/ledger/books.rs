//! Our own books, and in the same transaction that they are written.

use super::erased::Erased;
use super::inner::Inner;
use super::machine::Fact;
use super::operation::Report;
use super::point::point;
use super::state::{BOOKS, Books, State};
use super::store::Claimed;
use super::written::ToWrite;
use crate::context::CallersSpan;
use crate::sql::worker::{Failed, Trouble, caught};
use crate::transaction::{Began, Holds};
use crate::{Backend, Classify as _, Effect, Error, Tx, Verdict, clock};
use std::sync::Arc;
use std::time::Duration;

/// What holds the connection meanwhile.
pub(super) const BEGAN: Began = Began { holds: Holds::Transaction, site: BOOKS };

/// What one intent is to write.
pub(super) struct ToBook<DB: Backend> {
    pub(super) ledger: Arc<Inner<DB>>,
    pub(super) operation: Arc<dyn Erased<DB>>,
    pub(super) held: Claimed,
    pub(super) written: ToWrite,
    pub(super) span: CallersSpan,
}

/// Why our own books were not written.
pub(super) enum Unwritten {
    Fact(Fact),
    Lost,
    /// The commit was not answered.
    Unknown,
}

impl<DB: Backend> ToBook<DB> {
    /// In a transaction of its own. Answers how long the user's part took.
    pub(super) async fn alone(&self) -> Result<Duration, Unwritten> {
        let mut tx = self.ledger.db().begin(BEGAN).await.map_err(|error| self.trouble(&error))?;
        // First the fence: whoever has lost the lease writes nothing of the user's either.
        match self.written.within(&mut tx).await {
            Ok(Some(_written)) => {}
            Ok(None) => {
                tx.roll_back().await;
                return Err(Unwritten::Lost);
            }
            Err(error) => {
                tx.roll_back().await;
                return Err(self.trouble(&error));
            }
        }
        let began = clock::instant();
        if let Err(trouble) = self.users_part(&mut tx, self.ledger.lease()).await {
            tx.roll_back().await;
            return Err(Unwritten::Fact(trouble));
        }
        let took = began.elapsed();
        point("before commit", self.written.state());
        let committed: Result<(), Error> = tx.end(Ok(())).await;
        point("after commit", self.written.state());
        committed.map(|()| took).map_err(|error| match error.verdict().effect {
            Effect::Unknown => Unwritten::Unknown,
            // The database may refuse for the user's reasons: a deferred constraint.
            Effect::None => Unwritten::Fact(self.not_written(Failed::from(error))),
        })
    }

    /// `applied` or `undone`, inside the transaction.
    pub(super) async fn users_part(&self, tx: &mut Tx<DB>, bound: Duration) -> Result<(), Fact> {
        let Claimed { arguments, receipt, why, books, position, .. } = &self.held;
        // What a comparison with the partner's books has put on its way again may be written already.
        if books.is_some() && *books == Books::in_state(self.written.state()) {
            return Ok(());
        }
        let report = Report { why: why.clone() };
        let scope = tx.scope();
        let running = match position.state {
            State::Succeeded => self.operation.applied(tx, arguments, receipt.as_deref()),
            _ => self.operation.undone(tx, arguments, &report),
        };
        let running = self.span.around(caught(scope.around(running)));
        let Ok(ended) = tokio::time::timeout(bound, running).await else {
            let too_long = format!("no end within a lease, {bound:?}");
            return Err(self.not_written(Failed::new(Verdict::transient().unsent(), too_long)));
        };
        match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Trouble::Failed(failed))) => Err(self.not_written(failed)),
            Ok(Err(Trouble::Unreadable(why))) => Err(Fact::Unreadable(why)),
            Err(panic) => Err(Fact::Panicked(panic)),
        }
    }

    pub(super) fn not_written(&self, failed: Failed) -> Fact {
        if self.held.position.state == State::Succeeded { Fact::NotApplied(failed) } else { Fact::NotUndone(failed) }
    }

    /// The database fails us, which is no refusal by the user's books.
    fn trouble(&self, error: &Error) -> Unwritten {
        Unwritten::Fact(self.not_written(Failed::new(Verdict::transient().unsent().ours(), error)))
    }
}
