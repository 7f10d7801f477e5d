//! Those who wait, in the order they came.

use super::Open;
use std::collections::VecDeque;
use std::task::Waker;

/// A place in the line. Numbers only rise, so the line is sorted by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// What the lock guards: the waiters, and what only its holder changes: the limit, and which shards hold permits.
///
/// A waiter whose ticket is no longer in the line has been handed a permit. Wakers go in and come out whole: what they
/// do when they are cloned, woken or dropped is other people's code, and must not run under the lock.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) limit: u32,
    pub(super) open: Open,
    waiters: VecDeque<(Ticket, Waker)>,
    next: Ticket,
}

impl Line {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit, open: Open::NONE, waiters: VecDeque::new(), next: Ticket(0) }
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub(super) fn join(&mut self, waker: Waker) -> Ticket {
        let ticket = self.next;
        self.next = Ticket(ticket.0 + 1);
        self.waiters.push_back((ticket, waker));
        ticket
    }

    /// Replaces the waker of one who still waits, and returns it. The other is returned if it waits no more.
    pub(super) fn exchange(&mut self, ticket: Ticket, waker: Waker) -> Result<Waker, Waker> {
        match self.find(ticket).and_then(|at| self.waiters.get_mut(at)) {
            Some((_, old)) => Ok(std::mem::replace(old, waker)),
            None => Err(waker),
        }
    }

    /// Takes one who still waits out of the line.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waker> {
        let at = self.find(ticket)?;
        self.waiters.remove(at).map(|(_, waker)| waker)
    }

    /// Takes the first out of the line.
    pub(super) fn next(&mut self) -> Option<Waker> {
        self.waiters.pop_front().map(|(_, waker)| waker)
    }

    fn find(&self, ticket: Ticket) -> Option<usize> {
        self.waiters.binary_search_by_key(&ticket, |(ticket, _)| *ticket).ok()
    }
}
