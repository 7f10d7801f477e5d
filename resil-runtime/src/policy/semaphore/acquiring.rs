use super::{Acquire, Limiter, Permit, Semaphore};
use crate::context::{self, Due, Pause};
use crate::lazy::Lazy;
use crate::{Error, clock};
use pin_project_lite::pin_project;
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
    waiting: Lazy<Waiting<'a>>,
}

pin_project! {
    #[derive(Debug)]
    struct Waiting<'a> {
        limiter: &'a Limiter,
        acquire: Acquire<'a>,
        #[pin]
        timer: Sleep,
        since: Instant,
        deadline: Option<Due>,
        // It is no silence of a partner.
        pause: Option<Pause>,
    }
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
        Self { source, deadline: None, waiting: Lazy::NONE }
    }

    /// Never waits past this deadline.
    #[inline]
    pub fn within(mut self, due: Due) -> Self {
        self.deadline = Some(due);
        self
    }

    #[cold]
    fn wait(&mut self, limiter: &'a Limiter) -> Pin<&mut Waiting<'a>> {
        let deadline = self.deadline.or_else(context::deadline);
        let since = clock::instant();
        let until = clock::after(since, limiter.max_wait.time());
        let until = deadline.map_or(until, |due| until.min(due.at));
        let (timer, acquire) = (tokio::time::sleep_until(until), limiter.permits.acquire());
        let waiting = || Waiting { limiter, acquire, timer, since, deadline, pause: Pause::start() };
        self.waiting.get_or_make(waiting)
    }
}

impl<'a> Waiting<'a> {
    #[inline(never)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Permit<'a>, Error>> {
        let this = self.project();
        if Pin::new(this.acquire).poll(cx).is_ready() {
            // The future may outlive the wait.
            *this.pause = None;
            return Poll::Ready(Ok(Permit::of(this.limiter)));
        }
        std::task::ready!(this.timer.poll(cx));
        *this.pause = None;
        let now = clock::instant();
        Poll::Ready(Err(match this.deadline {
            Some(due) if due.at <= now => due.refused(),
            _ => this.limiter.full(now.saturating_duration_since(*this.since)),
        }))
    }
}

impl<'a, S: Limits<'a> + Unpin> Future for Acquiring<'a, S> {
    type Output = Result<Permit<'a>, Error>;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every call that succeeds")]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(waiting) = self.waiting.get() {
            return waiting.poll(cx);
        }
        let limiter = self.source.limiter()?;
        if limiter.permits.try_take() {
            return Poll::Ready(Ok(Permit::of(limiter)));
        }
        if limiter.max_wait.time().is_zero() {
            return Poll::Ready(Err(limiter.full(Duration::ZERO)));
        }
        self.wait(limiter).poll(cx)
    }
}
