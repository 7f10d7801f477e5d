//! Steps that run to their end, although their caller may be gone: a BEGIN that is dropped half way would put a
//! connection with an open transaction back into the pool.

use crate::Verdict;
use crate::transaction::error::{Step, TransactionError};
use crate::transaction::{Began, Scope};
use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// The longest wait for the answer to a BEGIN, COMMIT or ROLLBACK, or to a statement of ours.
const LONGEST: Duration = Duration::from_secs(30);

/// The same for a statement that goes through as many rows as there are.
pub(super) const LONGEST_OF_MANY: Duration = Duration::from_hours(1);

pub(super) fn longest() -> Duration {
    #[cfg(feature = "testing")]
    if let Some(bound) = crate::sql::faults::answered_within() {
        return bound;
    }
    LONGEST
}

/// Runs a step in a task of its own, which goes on if the caller is dropped, and never longer than the bound. `None` if
/// it did not end.
pub(super) async fn to_its_end<T: Send + 'static>(step: impl Future<Output = T> + Send + 'static) -> Option<T> {
    match tokio::spawn(tokio::time::timeout(longest(), step)).await {
        Ok(ended) => ended.ok(),
        Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
        // The runtime is shutting down.
        Err(_) => None,
    }
}

/// An error of this step.
pub(super) fn failed(
    began: Began,
    step: Step,
    verdict: Verdict,
    source: Option<Box<dyn StdError + Send + Sync>>,
) -> crate::Error {
    crate::Error::Transaction(Arc::new(TransactionError { began, step, verdict, source }))
}

/// Refuses a second connection of a database of which the caller holds one.
pub(super) fn first_of(database: usize) -> Result<(), crate::Error> {
    match Scope::held_of(database) {
        Some(began) => Err(failed(began, Step::Second, Verdict::caller(), None)),
        None => Ok(()),
    }
}
