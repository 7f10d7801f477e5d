use super::{Acquire, Limiter, Permit, Semaphore};
use crate::context::{self, Pause};
use crate::{Due, Error, clock};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A bounded wait for a permit. Where one is free it is ready at once, and reads no time.
#[must_use = "a permit is taken only when awaited"]
#[derive(Debug)]
pub struct Acquiring<'a, S> {
    source: S,
    deadline: Option<Due>,
    waiting: Option<Waiting<'a>>,
}

#[derive(Debug)]
struct Waiting<'a> {
    limiter: &'a Limiter,
    acquire: Acquire<'a>,
    timer: Pin<Box<Sleep>>,
    since: Instant,
    deadline: Option<Due>,
    /// It is no silence of a partner.
    _pause: Option<Pause>,
}

/// Whose permits are waited for.
pub(super) trait Limits<'a> {
    fn limiter(&mut self) -> Result<&'a Limiter, Error>;
}

impl<'a> Limits<'a> for &'a Semaphore {
    #[inline]
    fn limiter(&mut self) -> Result<&'a Limiter, Error> {
        Semaphore::limiter(self)
    }
}

impl<'a, S> Acquiring<'a, S> {
    #[inline]
    pub(super) fn new(source: S) -> Self {
        Self { source, deadline: None, waiting: None }
    }

    /// Never waits past this deadline.
    #[inline]
    pub fn within(mut self, due: Due) -> Self {
        self.deadline = Some(due);
        self
    }

    /// Refuses, or begins to wait.
    #[cold]
    fn wait(&mut self, limiter: &'a Limiter) -> Result<&mut Waiting<'a>, Error> {
        let longest = limiter.max_wait;
        if longest.is_zero() {
            return Err(limiter.full(Duration::ZERO));
        }
        let deadline = self.deadline.or_else(context::deadline);
        let since = clock::instant();
        let until = clock::after(since, longest);
        let until = deadline.map_or(until, |due| until.min(due.at));
        let timer = Box::pin(tokio::time::sleep_until(until));
        let acquire = limiter.permits.acquire();
        Ok(self.waiting.insert(Waiting { limiter, acquire, timer, since, deadline, _pause: Pause::start() }))
    }
}

impl<'a> Waiting<'a> {
    #[inline(never)]
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Permit<'a>, Error>> {
        if Pin::new(&mut self.acquire).poll(cx).is_ready() {
            return Poll::Ready(Ok(Permit::of(self.limiter)));
        }
        std::task::ready!(self.timer.as_mut().poll(cx));
        let now = clock::instant();
        Poll::Ready(Err(match self.deadline {
            Some(due) if due.at <= now => due.refused(),
            _ => self.limiter.full(now.saturating_duration_since(self.since)),
        }))
    }
}

impl<'a, S: Limits<'a> + Unpin> Future for Acquiring<'a, S> {
    type Output = Result<Permit<'a>, Error>;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every call that succeeds")]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(waiting) = &mut self.waiting {
            return waiting.poll(cx);
        }
        let limiter = self.source.limiter()?;
        if limiter.permits.try_take() {
            return Poll::Ready(Ok(Permit::of(limiter)));
        }
        self.wait(limiter)?.poll(cx)
    }
}
