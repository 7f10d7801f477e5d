use super::Began;
use crate::{Effect, Verdict};
use std::error::Error as StdError;
use std::fmt;

/// What could not be done to a transaction or a connection: the content of [`Error::Transaction`](crate::Error).
#[derive(Debug)]
pub struct TransactionError {
    /// Which transaction or connection.
    pub began: Began,
    /// What was being done.
    pub step: Step,
    pub(crate) verdict: Verdict,
    pub(crate) source: Option<Box<dyn StdError + Send + Sync>>,
}

/// A step in the life of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Getting a connection and opening the transaction. Nothing was done.
    Begin,
    /// Getting a second connection of a database while one is held: under load all callers would hold one and wait for
    /// another. Nothing was done.
    Second,
    /// Making the tables of resil. Nothing was done.
    Schema,
    /// Claiming a request ID or storing its outcome. Nothing was done.
    Once,
    /// A statement of resil's own, for the ledger or the outbox.
    Statement,
    /// Setting or releasing a savepoint.
    Savepoint,
    /// A statement in the middle, such as a COMMIT or ROLLBACK by hand, has ended the transaction. Its effect is unknown: what came
    /// after that statement was done by itself, and what came before it if that was a COMMIT.
    Ended,
    /// Committing. If the database refused, nothing was done; if it did not answer, the outcome is unknown.
    Commit,
}

impl TransactionError {
    /// What it means to the policies.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }
}

impl fmt::Display for TransactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let began = &self.began;
        match (self.step, self.verdict.effect) {
            (Step::Begin, _) => write!(f, "could not begin {began}")?,
            (Step::Second, _) => write!(
                f,
                "a second connection is asked for inside {began}: under load it would wait for itself. Hand the \
                 transaction on as `&mut Tx`, or do this before it"
            )?,
            (Step::Schema, _) => f.write_str("the tables of resil could not be made")?,
            (Step::Once, _) => write!(f, "a request ID could not be claimed or its outcome stored in {began}")?,
            (Step::Statement, _) => write!(f, "a statement of resil failed in {began}")?,
            (Step::Savepoint, _) => write!(f, "a savepoint failed in {began}, which is rolled back")?,
            (Step::Ended, _) => write!(
                f,
                "a statement, such as COMMIT or ROLLBACK, has ended {began} before its end, and what came after it was done by \
                 itself. Leave it out; for a part that can fail by itself write `tx.savepoint(async |tx| ..)`"
            )?,
            (Step::Commit, Effect::None) => write!(f, "the commit was refused and rolled back: {began}")?,
            (Step::Commit, Effect::Unknown) => {
                write!(f, "the commit has no clear answer, its outcome is unknown: {began}")?;
            }
        }
        match &self.source {
            // A database's words may quote what a stranger wrote.
            Some(source) => write!(f, ": {}", source.to_string().escape_debug()),
            None => Ok(()),
        }
    }
}

impl StdError for TransactionError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
