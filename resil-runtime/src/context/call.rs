//! The call being polled: what allows it to be repeated, and what it remembers of what it sent.
//!
//! A call is entered on each poll, with one word and no reference, and its record is made when something first leaves.
//! So a call that sends nothing pays for neither.

use super::keyed::{AttemptKey, Seen};
use super::record::{CallRecord, GivenUp};
use crate::{IdempotencyKey, Verdict};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// What allows the running call to be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Not under a retry, or under one that repeats only what was never sent: nothing of its own to say.
    Never = 0,
    /// `#[retry(idempotent)]`: requests that are not idempotent by method need a key.
    Idempotent = 1,
    /// `#[retry(idempotent = "reason")]`.
    Reasoned = 2,
    /// `#[retry(idempotency_key = key)]`; the frame has the key.
    Keyed = 3,
}

impl Repeat {
    /// What allows the call being polled to be repeated.
    pub(crate) fn current() -> Self {
        CALL.get().repeat()
    }
}

/// The call being polled, in one byte: a [`Repeat`], and where its record is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call(u8);

impl Call {
    /// No call around that remembers.
    pub(crate) const NONE: Self = Self(0);
    /// There is one, and nothing has left yet.
    const UNRECORDED: u8 = 1 << 2;
    /// Its record is the last of `RECORDS`.
    const RECORDED: u8 = 1 << 3;
    const REPEAT: u8 = 0b11;

    #[inline]
    const fn repeat(self) -> Repeat {
        match self.0 & Self::REPEAT {
            1 => Repeat::Idempotent,
            2 => Repeat::Reasoned,
            3 => Repeat::Keyed,
            _ => Repeat::Never,
        }
    }

    /// A call within this one. What it does not say of repeating is said by this one.
    #[inline]
    const fn within(self, repeat: Repeat) -> Self {
        let repeat = if matches!(repeat, Repeat::Never) { self.0 & Self::REPEAT } else { repeat as u8 };
        Self(repeat | Self::UNRECORDED)
    }

    #[inline]
    const fn is_recorded(self) -> bool {
        self.0 & Self::RECORDED != 0
    }
}

thread_local! {
    static CALL: Cell<Call> = const { Cell::new(Call::NONE) };
    /// Of the calls that are entered here and have one, the innermost last.
    static RECORDS: RefCell<Vec<Arc<CallRecord>>> = const { RefCell::new(Vec::new()) };
}

/// What one call has sent that may have acted. Lent to each of its attempts; empty until something leaves.
///
/// Expansions make one where a fallback asks for it and no retry has one.
#[derive(Debug)]
pub struct Sent {
    record: Option<Arc<CallRecord>>,
    /// How many attempts have been made.
    pub(crate) attempts: u32,
    repeat: Repeat,
}

impl Default for Sent {
    fn default() -> Self {
        Self::new()
    }
}

impl Sent {
    /// Nothing yet.
    #[inline]
    pub const fn new() -> Self {
        Self::under(Repeat::Never)
    }

    /// By a call that may be repeated for this reason.
    #[inline]
    pub(crate) const fn under(repeat: Repeat) -> Self {
        Self { record: None, attempts: 0, repeat }
    }

    /// By a call that may be repeated under this key.
    pub(crate) fn keyed(key: &IdempotencyKey) -> Self {
        let ours = Arc::new(CallRecord::new(Some(key.clone())));
        if let Some(outers) = record() {
            ours.belongs_to(&outers);
        }
        Self { record: Some(ours), attempts: 0, repeat: Repeat::Keyed }
    }

    /// Whether anything has left, in any attempt, that may have acted.
    pub fn may_have_acted(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.may_have_acted())
    }

    /// Whether the attempt that has just failed waited for a request that cannot act, and nothing else has left.
    pub(crate) fn failed_harmlessly(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.failed_harmlessly())
    }

    /// Whether the attempt that has just failed like this did so because a retry within has given up.
    pub(crate) fn failed_within(&self, verdict: &Verdict) -> bool {
        self.record.as_ref().is_some_and(|record| record.failed_within(verdict))
    }

    #[inline]
    pub(crate) fn is_keyed(&self) -> bool {
        self.repeat == Repeat::Keyed
    }

    pub(crate) fn has_key(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.key().is_some())
    }

    /// The key of the attempt to come.
    #[cold]
    pub(crate) fn key(&self) -> Option<AttemptKey> {
        AttemptKey::new(self.record.as_ref()?, self.attempts)
    }

    /// What an attempt under a key has shown; the next one starts anew.
    pub(crate) fn end_attempt(&self) -> Option<Arc<Seen>> {
        self.record.as_ref().map(|record| record.end_attempt())
    }

    /// For one poll of an attempt of this call.
    #[inline]
    pub(crate) fn enter(&mut self) -> Entered<'_> {
        let outer = self.begin();
        Entered { sent: self, outer }
    }

    /// The same where nothing unwinds before [`end`](Self::end).
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every call that succeeds")]
    pub(crate) fn begin(&mut self) -> Call {
        let outer = CALL.get();
        CALL.set(outer.within(self.repeat));
        if let Some(record) = &self.record {
            put(record);
        }
        outer
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every call that succeeds")]
    pub(crate) fn end(&mut self, outer: Call) {
        let is_recorded = CALL.get().is_recorded();
        CALL.set(outer);
        if is_recorded {
            self.keep();
        }
    }

    /// Keeps the record for the polls to come, and lets the call around this one hear of it.
    #[cold]
    #[inline(never)]
    fn keep(&mut self) {
        let Some(ours) = RECORDS.with_borrow_mut(Vec::pop) else { return };
        // Makes the outer one too, which its own call keeps in its turn.
        if let Some(outers) = record() {
            ours.belongs_to(&outers);
        }
        self.record = Some(ours);
    }
}

#[cold]
#[inline(never)]
fn put(record: &Arc<CallRecord>) {
    RECORDS.with_borrow_mut(|records| records.push(Arc::clone(record)));
    CALL.set(Call(CALL.get().0 | Call::RECORDED));
}

/// Ends what [`Sent::enter`] began.
pub(crate) struct Entered<'a> {
    sent: &'a mut Sent,
    outer: Call,
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        self.sent.end(self.outer);
    }
}

/// For one poll on another thread of something that works for a call.
pub(super) struct Elsewhere {
    outer: Call,
    is_recorded: bool,
}

impl Elsewhere {
    pub(super) fn enter(record: Option<&Arc<CallRecord>>, repeat: Repeat) -> Self {
        let outer = CALL.replace(Call(repeat as u8));
        if let Some(record) = record {
            put(record);
        }
        Self { outer, is_recorded: record.is_some() }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        CALL.set(self.outer);
        if self.is_recorded {
            RECORDS.with_borrow_mut(Vec::pop);
        }
    }
}

/// Whether a call that remembers what it sends is being polled.
pub(super) fn is_inside() -> bool {
    CALL.get().0 != Call::NONE.0
}

/// The record of the call being polled, made if it is not there; `None` outside of any.
pub(crate) fn record() -> Option<Arc<CallRecord>> {
    let call = CALL.get();
    if call.is_recorded() {
        return RECORDS.with_borrow(|records| records.last().cloned());
    }
    (call.0 & Call::UNRECORDED != 0).then(|| {
        let made = Arc::new(CallRecord::new(None));
        put(&made);
        made
    })
}

/// A retry has given up here, which no retry around it is to take up again.
pub(crate) fn given_up(failure: GivenUp) {
    if let Some(record) = record() {
        record.given_up(Some(failure));
    }
}

/// An attempt of ours begins here, or goes on.
#[inline(always)]
pub(crate) fn begins() {
    #[cold]
    #[inline(never)]
    fn goes_on() {
        RECORDS.with_borrow(|records| records.last().into_iter().for_each(|record| record.goes_on()));
    }
    if CALL.get().is_recorded() {
        goes_on();
    }
}

/// Something leaves here that may act.
pub(crate) fn sent() {
    if let Some(record) = record() {
        record.left();
    }
}
