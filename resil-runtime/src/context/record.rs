use super::keyed::{Seen, Uses};
use crate::sync::{Mutex, lock};
use crate::{IdempotencyKey, Verdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What one call remembers of what it sent. Shared with whatever works for the call elsewhere: a task, a thread of a
/// bulkhead, the connection that asks for a request body.
///
/// The call around it hears when something leaves, not when this call ends, so a call that is dropped counts as well.
#[derive(Debug)]
pub(crate) struct CallRecord {
    /// Tells calls apart; never reused.
    id: u64,
    state: Mutex<Counted>,
    /// Whether there is such a failure: asked without the lock.
    has_given_up: AtomicBool,
    key: Option<IdempotencyKey>,
    /// What the keys of the call were used for.
    uses: Arc<Uses>,
    /// What its attempt under way has shown.
    seen: Mutex<Arc<Seen>>,
}

/// The failure that a retry within has given up on: as it is said of its last attempt, and of the whole call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GivenUp {
    pub(crate) attempt: Verdict,
    pub(crate) call: Verdict,
}

impl GivenUp {
    /// Whether a failure of the call around is that one.
    fn is(self, verdict: &Verdict) -> bool {
        [self.attempt, self.call].contains(verdict)
    }
}

#[derive(Debug, Default)]
struct Counted {
    /// How much has left that may act and is not certainly undone.
    left: u64,
    /// Whether what is waited for, or failed last, is a request that cannot act: if the attempt fails now, it is that.
    waits_harmlessly: bool,
    /// What a retry within has given up on, as long as nothing of ours has begun since.
    given_up: Option<GivenUp>,
    /// The calls it is part of: one, or all those that have polled it.
    parents: Vec<Arc<CallRecord>>,
}

impl CallRecord {
    /// Of a call that may have an idempotency key.
    pub(super) fn new(key: Option<IdempotencyKey>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let has_given_up = AtomicBool::new(false);
        Self { id, state: Mutex::default(), has_given_up, key, uses: Arc::default(), seen: Mutex::default() }
    }

    pub(super) fn key(&self) -> Option<&IdempotencyKey> {
        self.key.as_ref()
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn uses(&self) -> Arc<Uses> {
        Arc::clone(&self.uses)
    }

    pub(super) fn seen(&self) -> Arc<Seen> {
        Arc::clone(&lock(&self.seen))
    }

    /// What the attempt that has ended has shown; the next one starts anew.
    pub(crate) fn end_attempt(&self) -> Arc<Seen> {
        std::mem::take(&mut *lock(&self.seen))
    }

    /// Something has left, or is about to, that may act.
    pub(crate) fn left(&self) {
        self.add(1);
    }

    fn add(&self, more: u64) {
        let mut state = lock(&self.state);
        state.left += more;
        // Always from child to parent, so that two calls never wait for each other.
        state.parents.iter().for_each(|parent| parent.add(more));
    }

    /// One of those that left is certain to have done nothing.
    pub(crate) fn undone(&self) {
        let mut state = lock(&self.state);
        state.left = state.left.saturating_sub(1);
        state.parents.iter().for_each(|parent| parent.undone());
    }

    /// A request that cannot act is waited for, or no longer.
    pub(crate) fn waits_harmlessly(&self, waits: bool) {
        let mut state = lock(&self.state);
        state.waits_harmlessly = waits;
        state.parents.iter().for_each(|parent| parent.waits_harmlessly(waits));
    }

    /// From now on the call around this one hears of what leaves; of what has left, at once.
    pub(crate) fn belongs_to(&self, parent: &Arc<CallRecord>) {
        let is_known = lock(&self.state).parents.iter().any(|known| Arc::ptr_eq(known, parent));
        if is_known || parent.is_part_of(self) {
            return;
        }
        let mut state = lock(&self.state);
        if state.left > 0 {
            parent.add(state.left);
        }
        parent.waits_harmlessly(state.waits_harmlessly);
        if let Some(failure) = state.given_up {
            parent.given_up(Some(failure));
        }
        state.parents.push(Arc::clone(parent));
    }

    /// Whether the other is this one, or is told of what this one sends.
    fn is_part_of(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || lock(&self.state).parents.iter().any(|parent| parent.is_part_of(other))
    }

    /// A retry within has given up, and the calls around hear of it too.
    pub(super) fn given_up(&self, failure: Option<GivenUp>) {
        let mut state = lock(&self.state);
        state.given_up = failure;
        self.has_given_up.store(failure.is_some(), Ordering::Relaxed);
        state.parents.iter().for_each(|parent| parent.given_up(failure));
    }

    /// Something of ours begins here: what comes of the call is no more the failure that was given up on.
    pub(super) fn goes_on(&self) {
        if self.has_given_up.load(Ordering::Relaxed) {
            self.given_up(None);
        }
    }

    /// Whether an attempt that has failed like this failed because a retry within has given up. The next one starts anew.
    pub(super) fn failed_within(&self, verdict: &Verdict) -> bool {
        self.has_given_up.store(false, Ordering::Relaxed);
        lock(&self.state).given_up.take().is_some_and(|failure| failure.is(verdict))
    }

    /// Whether anything has left that may have acted.
    pub(crate) fn may_have_acted(&self) -> bool {
        lock(&self.state).left > 0
    }

    /// Whether an attempt that has failed waited for what cannot act, and nothing else has left.
    pub(crate) fn failed_harmlessly(&self) -> bool {
        let mut state = lock(&self.state);
        std::mem::take(&mut state.waits_harmlessly) && state.left == 0
    }
}
