//! What one semaphore holds, and the door to it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;
use std::task::Waker;

use super::balance::Take;
use super::shards::{SHARDS, Shard};
use super::{Acquire, Balance, Line, Ticket, Usage};
use crate::sync::{AtomicU32, Mutex, MutexGuard, Ordering, lock, thread_number};

/// The permits of one semaphore, shared by all its callers.
///
/// A permit is not a value: whoever has taken one, by [`try_take`](Self::try_take) or [`acquire`](Self::acquire), must
/// [give it back](Self::give_back) once.
#[derive(Debug)]
pub(crate) struct Permits {
    pub(super) balance: Balance,
    /// A copy of the line's, for whoever is refused and takes no lock.
    limit: AtomicU32,
    /// How often two threads were at the balance at once.
    pub(super) meetings: AtomicU32,
    line: Mutex<Line>,
    /// Made when permits are first spread.
    pub(super) shards: OnceLock<Box<[Shard; SHARDS]>>,
}

impl Permits {
    /// So many permits, all free. Of none, none can be taken until they are [resized](Self::resize).
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            balance: Balance::new(limit),
            limit: AtomicU32::new(limit),
            meetings: AtomicU32::new(0),
            line: Mutex::new(Line::new(limit)),
            shards: OnceLock::new(),
        }
    }

    /// Takes a permit, unless none is free or somebody waits for one. Takes no lock while all are in one
    /// place.
    #[inline]
    #[must_use = "a permit that was taken must be given back"]
    pub(crate) fn try_take(&self) -> bool {
        match self.balance.take() {
            Take::Taken => true,
            Take::Refused => false,
            Take::Contended => self.take_contended(),
            Take::Spread => self.take_spread(thread_number()),
        }
    }

    /// The same, if more than so many are free.
    #[cfg(feature = "tower")]
    #[must_use = "a permit that was taken must be given back"]
    pub(crate) fn try_take_beyond(&self, reserved: u32) -> bool {
        if self.balance.is_spread() { self.take_spread_beyond(reserved) } else { self.balance.take_beyond(reserved) }
    }

    /// Takes a permit as soon as one is free and all who waited before have theirs.
    #[inline]
    pub(crate) fn acquire(&self) -> Acquire<'_> {
        Acquire::new(self)
    }

    /// Gives a permit back, to the first who waits.
    #[inline]
    pub(crate) fn give_back(&self) {
        if self.balance.is_spread() {
            self.give_spread(thread_number());
        } else if self.balance.give() {
            self.hand_over();
        }
    }

    /// Changes how many permits may be out. If more are, none is revoked, and the next is given when the number has
    /// fallen below the limit.
    pub(crate) fn resize(&self, limit: u32) {
        if self.set_limit(limit) {
            self.hand_over();
        }
    }

    /// The same, and wakes nobody. `true` if somebody is to be: then the caller must [hand over](Self::hand_over).
    #[must_use]
    pub(crate) fn set_limit(&self, limit: u32) -> bool {
        let mut line = self.lock();
        let by = i64::from(limit) - i64::from(line.limit);
        line.limit = limit;
        self.gather(&mut line);
        self.limit.store(limit, Ordering::Relaxed);
        self.balance.change(by)
    }

    /// How many permits may be out.
    pub(crate) fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// What an operator sees.
    pub(crate) fn snapshot(&self) -> Usage {
        let mut line = self.lock();
        let open = self.gather(&mut line);
        let in_use = i64::from(line.limit) - self.balance.free();
        self.spread(&mut line, open);
        Usage { limit: line.limit, in_use: u32::try_from(in_use).unwrap_or(0), waiting: line.len() }
    }

    /// Joins the line; `None` if a permit became free and was taken instead.
    #[cold]
    pub(super) fn join(&self, waker: Waker) -> Option<Ticket> {
        let mut line = self.lock();
        self.gather(&mut line);
        if line.is_empty() && self.balance.take_or_announce() {
            drop(line);
            // Other people's code: should it panic, the permit goes to the next.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(waker))) {
                self.give_back();
                resume_unwind(panic);
            }
            return None;
        }
        Some(line.join(waker))
    }

    /// Stays in the line; `None` if a permit has been handed over.
    #[cold]
    pub(super) fn stay(&self, ticket: Ticket, waker: Waker) -> Option<Ticket> {
        // A value of its own, so that the lock is released before the waker is dropped.
        let replaced = self.lock().exchange(ticket, waker);
        replaced.ok().map(|_| ticket)
    }

    /// Leaves the line, or passes on the permit that has been handed over.
    #[cold]
    pub(super) fn leave(&self, ticket: Ticket) {
        let mut line = self.lock();
        let left = line.leave(ticket);
        if left.is_some() && line.is_empty() {
            self.balance.line_is_empty();
        }
        drop(line);
        if left.is_none() {
            self.give_back();
        }
    }

    /// Hands free permits to those who wait, one by one.
    #[cold]
    pub(crate) fn hand_over(&self) {
        while self.balance.is_owed() {
            let Some(waker) = self.serve() else { return };
            // A waker that panics must not keep the others waiting.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                self.hand_over();
                resume_unwind(panic);
            }
        }
    }

    /// Hands a free permit to the first who waits, who is yet to be woken.
    fn serve(&self) -> Option<Waker> {
        let mut line = self.lock();
        if !self.balance.is_owed() {
            return None;
        }
        let first = line.next()?;
        self.balance.take_owed();
        if line.is_empty() {
            self.balance.line_is_empty();
        }
        Some(first)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Line> {
        lock(&self.line)
    }
}
