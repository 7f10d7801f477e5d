use super::bucket::Turn as Found;
use super::{Limiter, RateLimit, Ticket, Turn};
use crate::Error;
use crate::clock::{self, Nanos};
use crate::context::{self, Due, Pause};
use crate::lazy::Lazy;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// A bounded wait for a turn. Where one is free it is ready at once; where the wait would be too long, it is refused at once.
///
/// Dropped while it waits, it has cost nothing.
#[must_use = "a token is taken only when awaited"]
#[derive(Debug)]
pub struct Acquiring<'a, S> {
    source: S,
    cost: u32,
    deadline: Option<Due>,
    waiting: Lazy<Waiting<'a>>,
}

pin_project! {
    #[derive(Debug)]
    struct Waiting<'a> {
        place: Place<'a>,
        leaves: Leaves,
        since: Nanos,
        until: Nanos,
        #[pin]
        timer: Sleep,
        // It is no silence of a partner.
        quiet: Option<Pause>,
    }
}

/// A place in the line, left when it is dropped.
#[derive(Debug)]
struct Place<'a> {
    limiter: &'a Limiter,
    ticket: Option<Ticket>,
    cost: u32,
}

/// Whose tokens are waited for.
pub(super) trait Limits<'a> {
    fn limiter(&mut self) -> Result<&'a Limiter, Error>;
    fn turn(&self, limiter: &'a Limiter) -> Turn<'a>;
}

impl<'a> Limits<'a> for &'a RateLimit {
    #[inline]
    fn limiter(&mut self) -> Result<&'a Limiter, Error> {
        RateLimit::limiter(self)
    }

    #[inline]
    fn turn(&self, limiter: &'a Limiter) -> Turn<'a> {
        Turn::of(limiter, 0)
    }
}

#[expect(private_bounds, reason = "a rate limit, or one key of it")]
impl<'a, S: Limits<'a>> Acquiring<'a, S> {
    #[inline]
    pub(super) fn new(source: S) -> Self {
        Self { source, cost: 1, deadline: None, waiting: Lazy::NONE }
    }

    /// Never waits past this deadline.
    #[inline]
    pub fn within(mut self, due: Due) -> Self {
        self.deadline = Some(due);
        self
    }

    /// How many tokens the call costs; one, if it does not say. More than the burst are given when the bucket is full, and are
    /// owed afterwards. Zero is [`Error::Misconfigured`].
    #[inline]
    pub fn cost(mut self, tokens: u32) -> Self {
        self.cost = tokens;
        self
    }

    /// Refused, or in the line.
    #[cold]
    #[inline(never)]
    fn later(&mut self, limiter: &'a Limiter, wait: Nanos, cx: &mut Context<'_>) -> Poll<Result<Turn<'a>, Error>> {
        let (now, cost) = (clock::now(), self.cost);
        let left = self.deadline.or_else(context::deadline).map(|due| clock::nanos(due.remaining()));
        let Some((wait, longest)) = limiter.prospect(wait, cost, now) else {
            return Poll::Ready(Err(limiter.refused(None, now)));
        };
        let longest = longest.min(left.map_or(Nanos::MAX, |left| left.saturating_sub(1)));
        if wait > longest {
            return Poll::Ready(Err(limiter.refused(Some(wait), now)));
        }
        let Some(ticket) = limiter.bucket().join(&limiter.plan.gcra, cost, now, cx.waker().clone()) else {
            return Poll::Ready(Ok(self.source.turn(limiter)));
        };
        let waiting = self.waiting.get_or_make(|| Waiting {
            place: Place { limiter, ticket: Some(ticket), cost },
            leaves: Leaves::default(),
            since: now,
            until: now.saturating_add(longest),
            timer: tokio::time::sleep(Duration::ZERO),
            quiet: Pause::start(),
        });
        waiting.poll(cx).map_ok(|limiter| self.source.turn(limiter))
    }
}

impl<'a> Waiting<'a> {
    #[inline(never)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<&'a Limiter, Error>> {
        let mut this = self.project();
        let (limiter, until) = (this.place.limiter, *this.until);
        loop {
            let now = clock::now();
            let paused = limiter.bucket().paused_until(now);
            let at = match this.place.look(this.leaves.after(paused, now).min(until), now, cx) {
                Found::Now => {
                    // The future may outlive the wait.
                    *this.quiet = None;
                    return Poll::Ready(Ok(limiter));
                }
                Found::At(at) => at.min(until),
                Found::Behind => until,
            };
            let is_late = until <= now || paused.is_some_and(|paused| paused > until);
            if is_late || limiter.is_hopeless(this.place.cost, *this.since, now) {
                *this.quiet = None;
                this.place.leave();
                return Poll::Ready(Err(limiter.refused(limiter.wait(this.place.cost, now), now)));
            }
            let wait = Duration::from_nanos(at.saturating_sub(now));
            this.timer.as_mut().reset(clock::after(clock::instant(), wait));
            std::task::ready!(this.timer.as_mut().poll(cx));
        }
    }
}

impl Place<'_> {
    /// Takes the tokens if it is its turn, and not before that moment.
    fn look(&mut self, not_before: Nanos, now: Nanos, cx: &Context<'_>) -> Found {
        let Self { limiter, ticket: Some(ticket), cost } = *self else { return Found::Now };
        let found = limiter.bucket().turn(&limiter.plan.gcra, ticket, cost, (not_before, now), cx.waker().clone());
        if found == Found::Now {
            self.ticket = None;
        }
        found
    }

    fn leave(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.limiter.bucket().leave(&self.limiter.plan.gcra, ticket, self.cost);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<'a, S: Limits<'a> + Unpin> Future for Acquiring<'a, S> {
    type Output = Result<Turn<'a>, Error>;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every call that succeeds")]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(waiting) = self.waiting.get() {
            return waiting.poll(cx).map_ok(|limiter| self.source.turn(limiter));
        }
        let limiter = self.source.limiter()?;
        if self.cost == 0 {
            return Poll::Ready(Err(limiter.costs_nothing()));
        }
        match limiter.take(self.cost) {
            Ok(()) => Poll::Ready(Ok(self.source.turn(limiter))),
            Err(wait) => self.later(limiter, wait, cx),
        }
    }
}

/// When one of those who wait leaves a pause: not all in step.
#[derive(Debug, Default)]
struct Leaves {
    paused_until: Nanos,
    at: Nanos,
}

impl Leaves {
    fn after(&mut self, paused_until: Option<Nanos>, now: Nanos) -> Nanos {
        if let Some(until) = paused_until.filter(|until| *until != self.paused_until) {
            *self = Self { paused_until: until, at: until.saturating_add(spread(until - now)) };
        }
        self.at
    }
}

/// What a caller adds to a pause of this length: up to a tenth of it, and at most a second.
pub(super) fn spread(pause: Nanos) -> Nanos {
    fastrand::u64(0..=(pause / 10).min(1_000_000_000))
}
