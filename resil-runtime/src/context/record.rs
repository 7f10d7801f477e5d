use super::keyed::{Seen, Uses};
use crate::IdempotencyKey;
use crate::sync::{Mutex, lock};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one call remembers of what it sent. Shared with whatever works for the call elsewhere: a task, a thread of a
/// bulkhead, the connection that asks for a request body.
///
/// The call around it hears when something leaves, not when this call ends, so a call that is dropped counts as well.
#[derive(Debug)]
pub(crate) struct CallRecord {
    /// Tells calls apart; never reused.
    id: u64,
    state: Mutex<Counted>,
    key: Option<IdempotencyKey>,
    /// What the keys of the call were used for.
    uses: Arc<Uses>,
    /// What its attempt under way has shown.
    seen: Mutex<Arc<Seen>>,
}

#[derive(Debug, Default)]
struct Counted {
    /// How much has left that may act and is not certainly undone.
    left: u64,
    /// Whether what is waited for, or failed last, is a request that cannot act: if the attempt fails now, it is that.
    waits_harmlessly: bool,
    /// The calls it is part of: one, or all those that have polled it.
    parents: Vec<Arc<CallRecord>>,
}

impl CallRecord {
    /// Of a call that may have an idempotency key.
    pub(super) fn new(key: Option<IdempotencyKey>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { id, state: Mutex::default(), key, uses: Arc::default(), seen: Mutex::default() }
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
        state.parents.push(Arc::clone(parent));
    }

    /// Whether the other is this one, or is told of what this one sends.
    fn is_part_of(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || lock(&self.state).parents.iter().any(|parent| parent.is_part_of(other))
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
