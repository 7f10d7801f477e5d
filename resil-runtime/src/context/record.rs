use crate::sync::{Mutex, lock};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one call remembers of what it sent. Shared with whatever works for the call elsewhere: a task, a thread of a
/// bulkhead, the connection that asks for a request body.
///
/// The call around it hears when something leaves, not when this call ends, so a call that is dropped counts as well.
#[derive(Debug)]
pub(crate) struct Record {
    /// Tells calls apart; never reused.
    id: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How much has left that may act and is not certainly undone.
    left: u64,
    /// Whether a request went out that cannot act: what failed is then known to be harmless.
    has_seen_harmless: bool,
    parent: Option<Arc<Record>>,
}

impl Default for Record {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), state: Mutex::default() }
    }
}

impl Record {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Something has left, or is about to, that may act.
    pub(crate) fn left(&self) {
        self.add(1);
    }

    fn add(&self, more: u64) {
        let mut state = lock(&self.state);
        state.left += more;
        // Always from child to parent, so that two calls never wait for each other.
        if let Some(parent) = &state.parent {
            parent.add(more);
        }
    }

    /// One of those that left is certain to have done nothing.
    pub(crate) fn undone(&self) {
        let mut state = lock(&self.state);
        state.left = state.left.saturating_sub(1);
        if let Some(parent) = &state.parent {
            parent.undone();
        }
    }

    /// A request goes out that cannot act.
    pub(crate) fn harmless(&self) {
        let mut state = lock(&self.state);
        state.has_seen_harmless = true;
        if let Some(parent) = &state.parent {
            parent.harmless();
        }
    }

    /// From now on the call around this one hears of what leaves; of what has left, at once.
    pub(super) fn belongs_to(&self, parent: &Arc<Record>) {
        let mut state = lock(&self.state);
        if state.parent.is_some() {
            return;
        }
        if state.left > 0 {
            parent.add(state.left);
        }
        if state.has_seen_harmless {
            parent.harmless();
        }
        state.parent = Some(Arc::clone(parent));
    }

    /// Whether anything has left that may have acted.
    pub(crate) fn may_have_acted(&self) -> bool {
        lock(&self.state).left > 0
    }

    /// Whether requests went out, and none of them can have acted.
    pub(crate) fn has_seen_harmless_only(&self) -> bool {
        let state = lock(&self.state);
        state.has_seen_harmless && state.left == 0
    }
}
