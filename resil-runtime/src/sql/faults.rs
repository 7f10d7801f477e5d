//! Faults for our own tests: the end of the process at each point, and lost answers to a COMMIT.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

type Point = Box<dyn Fn(&str, &str) + Send + Sync>;
static POINT: OnceLock<Point> = OnceLock::new();

/// Calls `point` at every place of the ledger between two things that last, with `before`, `after`, `before commit` or
/// `after commit`, and the state that is written there: for a test that ends its process at each. Once a process.
///
/// ```
/// resil::testing::at_each_point(|when, state| println!("{when} {state}"));
/// ```
#[doc(hidden)]
pub fn at_each_point(point: impl Fn(&str, &str) + Send + Sync + 'static) {
    _ = POINT.set(Box::new(point));
}

pub(crate) fn reached(when: &str, state: &str) {
    if let Some(point) = POINT.get() {
        point(when, state);
    }
}

static LOST_COMMITS: AtomicU32 = AtomicU32::new(0);

/// The answers of the next commits of our own books by the ledger are lost, so many of them: what was committed is, and its
/// worker does not know.
#[doc(hidden)]
pub fn lose_commits(answers: u32) {
    LOST_COMMITS.store(answers, Ordering::Relaxed);
}

pub(crate) fn loses_commit(began: &crate::Began) -> bool {
    began.site == crate::sql::ledger::state::BOOKS
        && LOST_COMMITS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

thread_local! {
    static LOST_ANSWERS: Cell<(&str, u32)> = const { Cell::new(("", 0)) };
    static ANSWERED_WITHIN: Cell<Option<Duration>> = const { Cell::new(None) };
    static LOST_CLAIMS: Cell<u32> = const { Cell::new(0) };
}

/// On this thread the answers of the next statements of ours that hold this text are lost, so many of them: they are done.
#[doc(hidden)]
pub fn lose_answers(of: &'static str, answers: u32) {
    LOST_ANSWERS.set((of, answers));
}

pub(crate) fn loses_answer(sql: &str) -> bool {
    let (of, left) = LOST_ANSWERS.get();
    let loses = left > 0 && sql.contains(of);
    LOST_ANSWERS.set((of, left - u32::from(loses)));
    loses
}

/// On this thread a database that does not answer within this time is taken for gone, instead of after 30 s.
#[doc(hidden)]
pub fn answer_within(bound: Duration) {
    ANSWERED_WITHIN.set(Some(bound));
}

pub(crate) fn answered_within() -> Option<Duration> {
    ANSWERED_WITHIN.get()
}

/// The answers of the next claims by a ledger on this thread are lost, so many of them: what was claimed is.
#[doc(hidden)]
pub fn lose_claims(answers: u32) {
    LOST_CLAIMS.set(answers);
}

pub(crate) fn loses_claim() -> bool {
    let left = LOST_CLAIMS.get();
    LOST_CLAIMS.set(left.saturating_sub(1));
    left > 0
}
