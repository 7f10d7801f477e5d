//! The call being polled: what allows it to be repeated, and what it remembers of what it sent.
//!
//! A call is entered on each poll, with one word and no reference, and its record is made when something first leaves.
//! So a call that sends nothing pays for neither.

use super::record::Record;
use std::cell::Cell;
use std::sync::{Arc, OnceLock};

/// What allows the running call to be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Not under a retry, or under one that repeats only what was never sent: nothing of its own to say.
    Never,
    /// `#[retry(idempotent)]`: requests that are not idempotent by method need a key.
    Idempotent,
    /// `#[retry(idempotent = "reason")]`.
    Reasoned,
    /// `#[retry(idempotency_key = key)]`; the frame has the key.
    Keyed,
}

impl Repeat {
    /// What allows the call being polled to be repeated.
    pub(crate) fn current() -> Self {
        CALL.get().repeat
    }
}

/// Where the record of the call being polled is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// No call around that remembers.
    Nowhere,
    /// Nothing has left yet.
    Unmade,
    /// In `RECORD`.
    Here,
}

#[derive(Debug, Clone, Copy)]
struct Call {
    repeat: Repeat,
    record: Place,
}

thread_local! {
    static CALL: Cell<Call> = const { Cell::new(Call { repeat: Repeat::Never, record: Place::Nowhere }) };
    static RECORD: Cell<Option<Arc<Record>>> = const { Cell::new(None) };
}

/// What one call has sent that may have acted. Lent to each of its attempts; empty until something leaves.
///
/// Expansions make one where a fallback asks for it and no retry has one.
#[derive(Debug, Default)]
pub struct Sent {
    record: OnceLock<Arc<Record>>,
}

impl Sent {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { record: OnceLock::new() }
    }

    /// Whether anything has left, in any attempt, that may have acted.
    pub fn may_have_acted(&self) -> bool {
        self.record.get().is_some_and(|record| record.may_have_acted())
    }

    /// Whether requests were sent, and none of them can have acted.
    pub(crate) fn has_seen_harmless_only(&self) -> bool {
        self.record.get().is_some_and(|record| record.has_seen_harmless_only())
    }

    /// The record, made if it is not there.
    pub(crate) fn record(&self) -> &Arc<Record> {
        self.record.get_or_init(|| {
            let made = Arc::<Record>::default();
            if let Some(parent) = record() {
                made.belongs_to(&parent);
            }
            made
        })
    }

    /// For one poll of an attempt of this call.
    #[inline]
    pub(crate) fn enter(&self, repeat: Repeat) -> Entered<'_> {
        let outer = CALL.get();
        let repeat = if repeat == Repeat::Never { outer.repeat } else { repeat };
        CALL.set(Call { repeat, record: Place::Unmade });
        let displaced = if outer.record == Place::Here { RECORD.take() } else { None };
        if let Some(record) = self.record.get() {
            put(Arc::clone(record));
        }
        Entered { sent: self, outer, displaced }
    }
}

#[cold]
fn put(record: Arc<Record>) {
    RECORD.set(Some(record));
    CALL.set(Call { record: Place::Here, ..CALL.get() });
}

/// Ends what [`Sent::enter`] began.
pub(crate) struct Entered<'a> {
    sent: &'a Sent,
    outer: Call,
    displaced: Option<Arc<Record>>,
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        let inner = CALL.replace(self.outer);
        if inner.record == Place::Here || self.displaced.is_some() {
            self.leave(inner.record);
        }
    }
}

impl Entered<'_> {
    /// Keeps the record for the polls to come, and lets the call around this one hear of it.
    #[cold]
    fn leave(&mut self, inner: Place) {
        let ours = if inner == Place::Here { RECORD.take() } else { None };
        if let Some(outers) = self.displaced.take() {
            RECORD.set(Some(outers));
        }
        let Some(ours) = ours else { return };
        // Makes the outer one too, which its own call keeps when it is left in its turn.
        if let Some(outers) = record() {
            ours.belongs_to(&outers);
        }
        _ = self.sent.record.set(ours);
    }
}

/// For one poll on another thread of something that works for a call.
pub(super) struct Elsewhere {
    outer: Call,
    displaced: Option<Arc<Record>>,
}

impl Elsewhere {
    pub(super) fn enter(record: Option<&Arc<Record>>, repeat: Repeat) -> Self {
        let place = if record.is_some() { Place::Here } else { Place::Nowhere };
        Self { displaced: RECORD.replace(record.cloned()), outer: CALL.replace(Call { repeat, record: place }) }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        CALL.set(self.outer);
        RECORD.set(self.displaced.take());
    }
}

/// The record of the call being polled, made if it is not there; `None` outside of any.
pub(crate) fn record() -> Option<Arc<Record>> {
    match CALL.get().record {
        Place::Nowhere => None,
        Place::Unmade => {
            let made = Arc::<Record>::default();
            put(Arc::clone(&made));
            Some(made)
        }
        Place::Here => {
            let record = RECORD.take();
            RECORD.set(record.clone());
            record
        }
    }
}

/// Something leaves here that may act.
pub(crate) fn sent() {
    if let Some(record) = record() {
        record.left();
    }
}
