use super::{Permits, Ticket};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The wait for one permit. Dropped while it waits it loses nothing: a permit that it has been handed already goes to
/// the next who waits.
///
/// It waits from its first poll on. Ready, it has taken a permit, and each further poll is a wait for one more.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Acquire<'a> {
    permits: &'a Permits,
    /// Its place in the line, unless it has a permit or has not begun.
    ticket: Option<Ticket>,
}

impl<'a> Acquire<'a> {
    #[inline]
    pub(super) fn new(permits: &'a Permits) -> Self {
        Self { permits, ticket: None }
    }
}

impl Future for Acquire<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.ticket = match self.ticket {
            None if self.permits.try_take() => None,
            None => self.permits.join(context.waker().clone()),
            Some(ticket) => self.permits.stay(ticket, context.waker().clone()),
        };
        if self.ticket.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Acquire<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.permits.leave(ticket);
        }
    }
}
