//! Those who wait for their turn, in the order they came.

use std::collections::VecDeque;
use std::task::Waker;

/// A place in the line. Numbers only rise, so the line is sorted by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// Wakers go in and come out whole: what they do when they are cloned, woken or dropped is other people's code, and must not
/// run under the lock.
#[derive(Debug)]
pub(super) struct Line {
    waiters: VecDeque<(Ticket, Waker)>,
    next: Ticket,
}

impl Line {
    pub(super) const fn new() -> Self {
        Self { waiters: VecDeque::new(), next: Ticket(0) }
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub(super) fn is_first(&self, ticket: Ticket) -> bool {
        self.waiters.front().is_some_and(|(first, _)| *first == ticket)
    }

    pub(super) fn join(&mut self, waker: Waker) -> Ticket {
        let ticket = self.next;
        self.next = Ticket(ticket.0 + 1);
        self.waiters.push_back((ticket, waker));
        ticket
    }

    /// Replaces the waker of one who waits, and returns it.
    pub(super) fn exchange(&mut self, ticket: Ticket, waker: Waker) -> Option<Waker> {
        let at = self.find(ticket)?;
        self.waiters.get_mut(at).map(|(_, old)| std::mem::replace(old, waker))
    }

    /// Takes one who waits out of the line.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waker> {
        let at = self.find(ticket)?;
        self.waiters.remove(at).map(|(_, waker)| waker)
    }

    /// To wake the first, who brings another when it asks again.
    pub(super) fn wakes_first(&mut self) -> Option<Waker> {
        self.waiters.front_mut().map(|(_, waker)| taken(waker))
    }

    /// The same of all.
    pub(super) fn wakes_all(&mut self) -> Vec<Waker> {
        self.waiters.iter_mut().map(|(_, waker)| taken(waker)).collect()
    }

    fn find(&self, ticket: Ticket) -> Option<usize> {
        self.waiters.binary_search_by_key(&ticket, |(ticket, _)| *ticket).ok()
    }
}

fn taken(waker: &mut Waker) -> Waker {
    std::mem::replace(waker, Waker::noop().clone())
}
