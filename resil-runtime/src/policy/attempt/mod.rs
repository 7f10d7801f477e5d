//! One attempt: the wrapper that bounds it, carries its context to nested calls, and catches its panics.

mod clocks;

use crate::context::{self, Call, Due, Frame, Sent};
use crate::failure::Fallible;
use crate::lazy::Lazy;
use crate::policy::retry::Attempts;
use crate::policy::timeout::{Bounds, Timeout};
use crate::{Error, Failure, clock};
use clocks::{Clock, Watch};
use pin_project_lite::pin_project;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// One run of a function's body, bounded and watched: the single wrapper behind `#[timeout]`, `#[deadline]`,
    /// the context of nested calls and the counting of panics.
    ///
    /// Completes with the body's own result as a `Result<T, Failure<E>>`. A panic of the body becomes
    /// [`Failure::Panic`], so that a circuit breaker sees it before it unwinds on.
    ///
    /// Dropping it drops the body; nothing is counted.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use resil::{Attempt, Error};
    /// let outcome = Attempt::new(async { Ok::<_, Error>(7) }).await;
    /// assert_eq!(outcome.unwrap(), 7);
    /// # }
    /// ```
    #[must_use = "an attempt does nothing unless awaited"]
    pub struct Attempt<'a, F> {
        #[pin]
        body: Body<F>,
        timeout: Option<&'a Timeout>,
        frame: Option<Frame>,
        sent: Option<&'a mut Sent>,
        clock: Lazy<Clock>,
    }
}

pin_project! {
    // The flag is in there, so that knowing whether there is a body takes neither room nor a second look.
    #[project = BodyProjected]
    enum Body<F> {
        Live { #[pin] body: F, is_entered: bool },
        // A bound has cut it off.
        Gone,
    }
}

impl<F> Body<F> {
    #[inline]
    fn new(body: F) -> Self {
        Self::Live { body, is_entered: false }
    }
}

impl<'a, F> Attempt<'a, F> {
    /// An attempt without bounds of its own.
    #[inline]
    pub fn new(body: F) -> Self {
        Self { body: Body::new(body), timeout: None, frame: None, sent: None, clock: Lazy::NONE }
    }

    #[inline]
    pub(super) fn bounded(body: F, timeout: &'a Timeout) -> Self {
        // Made where it stays, so that one that is not there is not moved either.
        let frame = timeout.watches_phases().then(|| Frame::bounding(timeout.connect_bound(), timeout.read_millis()));
        Self { body: Body::new(body), timeout: Some(timeout), frame, sent: None, clock: Lazy::NONE }
    }

    /// One that has begun, whatever its callers' deadlines say: it is polled once before this one ends it.
    pub(super) fn begun(body: F, due: Due) -> Self {
        let mut frame = Frame::default();
        frame.deadline = Some(due);
        frame.inherit();
        let body = Body::Live { body, is_entered: true };
        Self { body, timeout: None, frame: Some(frame), sent: None, clock: Lazy::NONE }
    }

    /// Ends it, at the latest, when this deadline passes, and hands the deadline to nested calls.
    #[inline]
    pub fn within(mut self, due: Due) -> Self {
        self.frame.get_or_insert_default().deadline = Some(due);
        self
    }

    /// Tells the calls within under which proof they may be repeated, and remembers for the retry what they send.
    #[inline]
    pub fn under(mut self, retry: &'a mut Attempts<'_>) -> Self {
        self.sent = Some(retry.sent());
        self
    }

    /// Remembers here what the calls within send, where no retry does.
    #[inline]
    pub fn noting(mut self, sent: &'a mut Sent) -> Self {
        self.sent = Some(sent);
        self
    }
}

/// For a body that runs elsewhere, while its attempt stays with the caller.
impl<'a, F> Attempt<'a, F> {
    /// Takes over what the caller's frame bounds more tightly; a refusal if its deadline has passed.
    pub(super) fn begin(&mut self) -> Option<Error> {
        context::begins();
        begin(&mut self.frame, self.sent.as_deref())
    }

    pub(super) fn deadline(&self) -> Option<Due> {
        deadline(self.frame.as_ref())
    }

    /// Runs `f` as if it were the body.
    pub(super) fn enter<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let _call = self.sent.as_mut().map(|sent| sent.enter());
        match &self.frame {
            Some(frame) => frame.enter(f),
            None => f(),
        }
    }

    /// The body, unless it has been cut off, and the attempt without it.
    pub(super) fn split(self) -> (Option<F>, Attempt<'a, ()>) {
        let Self { body, timeout, frame, sent, clock } = self;
        let body = if let Body::Live { body, .. } = body { Some(body) } else { None };
        (body, Attempt { body: Body::Gone, timeout, frame, sent, clock })
    }
}

impl<'a> Attempt<'a, ()> {
    /// The attempt with another body, which stands for the one that was split off and has begun.
    pub(super) fn with<F>(self, body: F) -> Attempt<'a, F> {
        let Self { timeout, frame, sent, clock, .. } = self;
        Attempt { body: Body::Live { body, is_entered: true }, timeout, frame, sent, clock }
    }
}

impl<F> Future for Attempt<'_, F>
where
    F: Future,
    F::Output: Fallible,
{
    type Output = Result<<F::Output as Fallible>::Ok, Failure<<F::Output as Fallible>::Err>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        let BodyProjected::Live { body, is_entered } = this.body.project() else { return Poll::Pending };
        if !*is_entered {
            *is_entered = true;
            context::begins();
            if let Some(refusal) = begin(this.frame, this.sent.as_deref()) {
                return Poll::Ready(Err(Failure::Policy(refusal)));
            }
        }
        let outer = this.sent.as_mut().map_or(Call::NONE, |sent| sent.begin());
        let polled = match this.frame {
            Some(frame) => frame.enter(|| poll_body(body, cx)),
            None => poll_body(body, cx),
        };
        if let Some(sent) = this.sent {
            sent.end(outer);
        }
        match polled {
            Poll::Ready(Ok(result)) => {
                Poll::Ready(match this.timeout.and_then(|timeout| timeout.unenforced(this.frame.as_ref())) {
                    None => result.into_outcome(),
                    Some(error) => Err(Failure::Policy(error)),
                })
            }
            Poll::Ready(Err(panic)) => Poll::Ready(Err(Failure::Panic(panic))),
            Poll::Pending => self.waits(cx).map(Err),
        }
    }
}

impl<F> Attempt<'_, F> {
    /// After a pending poll. Apart, so that a call which is ready at once prepares nothing for it.
    #[inline(never)]
    fn waits<E>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Failure<E>> {
        let this = self.project();
        let frame = this.frame.as_ref();
        let bounds = this.timeout.map_or(Bounds::NONE, Timeout::bounds);
        let watch = Watch { bounds, frame, deadline: deadline(frame) };
        watch.expired(this.clock, cx).map(|expired| cut_off(this.body, || watch.error(expired)))
    }
}

/// Ends the body here, where its breaker still sees it if its destructor panics, or who is told of the error.
#[cold]
fn cut_off<F, E>(mut body: Pin<&mut Body<F>>, error: impl FnOnce() -> Error) -> Failure<E> {
    let dropped = catch_unwind(AssertUnwindSafe(|| body.set(Body::Gone)));
    let error = catch_unwind(AssertUnwindSafe(error));
    match dropped.and(error) {
        Ok(error) => Failure::Policy(error),
        Err(panic) => Failure::Panic(panic),
    }
}

#[inline]
fn begin(frame: &mut Option<Frame>, sent: Option<&Sent>) -> Option<Error> {
    if let Some(sent) = sent.filter(|sent| sent.is_keyed()) {
        Frame::of_attempt(frame, sent);
    }
    let deadline = match frame {
        Some(frame) => {
            frame.inherit();
            frame.deadline
        }
        None => context::deadline(),
    };
    deadline.and_then(spent)
}

/// The nearest deadline: this attempt's, or a caller's.
#[inline]
fn deadline(frame: Option<&Frame>) -> Option<Due> {
    frame.map_or_else(context::deadline, |frame| frame.deadline)
}

/// A deadline that has passed by now refuses the attempt.
fn spent(due: Due) -> Option<Error> {
    (due.at <= clock::instant()).then(|| due.refused())
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "on the path of every call that succeeds")]
fn poll_body<F: Future>(body: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Box<dyn Any + Send>>> {
    // The body is never polled again after a panic, so nobody sees a broken invariant.
    match catch_unwind(AssertUnwindSafe(|| body.poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    }
}

impl<F> fmt::Debug for Attempt<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("timeout", &self.timeout).field("frame", &self.frame).finish_non_exhaustive()
    }
}
