use super::clocks::{Clock, Watch};
use super::retry::Attempts;
use super::timeout::Timeout;
use crate::context::{self, Entered, Frame, Repeat, Sent};
use crate::failure::Fallible;
use crate::{Due, Error, Failure, clock};
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
        body: F,
        timeout: Option<&'a Timeout>,
        frame: Option<Frame>,
        repeat: Repeat,
        sent: Option<&'a Sent>,
        entered: bool,
        // Made when the body is first pending: a call that is ready at once reads no time and stays small.
        clock: Option<Pin<Box<Clock>>>,
    }
}

impl<'a, F> Attempt<'a, F> {
    /// An attempt without bounds of its own.
    #[inline]
    pub fn new(body: F) -> Self {
        Self { body, timeout: None, frame: None, repeat: Repeat::Never, sent: None, entered: false, clock: None }
    }

    #[inline]
    pub(super) fn bounded(body: F, timeout: &'a Timeout) -> Self {
        let frame = timeout.needs_frame().then(|| Frame::bounding(timeout.connect_bound()));
        Self { body, timeout: Some(timeout), frame, repeat: Repeat::Never, sent: None, entered: false, clock: None }
    }

    /// Ends it, at the latest, when this deadline passes, and hands the deadline to nested calls.
    #[inline]
    pub fn within(mut self, due: Due) -> Self {
        self.frame.get_or_insert_default().deadline = Some(due);
        self
    }

    /// Tells the calls within under which proof they may be repeated, and remembers for the retry what they send.
    #[inline]
    pub fn under(mut self, retry: &'a Attempts<'_>) -> Self {
        self.repeat = retry.repeat();
        self.sent = Some(retry.sent());
        if let Some(keyed) = retry.keyed() {
            self.frame.get_or_insert_default().keyed = Some(keyed.into());
        }
        self
    }

    /// Remembers here what the calls within send, where no retry does.
    #[inline]
    pub fn noting(mut self, sent: &'a Sent) -> Self {
        self.sent = Some(sent);
        self
    }
}

/// For a body that runs elsewhere, while its attempt stays with the caller.
impl<'a, F> Attempt<'a, F> {
    /// Takes over what the caller's frame bounds more tightly; a refusal if its deadline has passed.
    pub(super) fn begin(&mut self) -> Option<Error> {
        self.entered = true;
        begin(self.frame.as_mut())
    }

    pub(super) fn deadline(&self) -> Option<Due> {
        deadline(self.frame.as_ref())
    }

    /// Runs `f` as if it were the body.
    pub(super) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let _call = enter_call(self.sent, self.repeat);
        match &self.frame {
            Some(frame) => frame.enter(f),
            None => f(),
        }
    }

    /// The body, and the attempt without it.
    pub(super) fn split(self) -> (F, Attempt<'a, ()>) {
        let Self { body, timeout, frame, repeat, sent, entered, clock } = self;
        (body, Attempt { body: (), timeout, frame, repeat, sent, entered, clock })
    }
}

impl<'a> Attempt<'a, ()> {
    /// The attempt with another body, which stands for the one that was split off.
    pub(super) fn with<F>(self, body: F) -> Attempt<'a, F> {
        let Self { body: (), timeout, frame, repeat, sent, entered, clock } = self;
        Attempt { body, timeout, frame, repeat, sent, entered, clock }
    }
}

impl<F> Future for Attempt<'_, F>
where
    F: Future,
    F::Output: Fallible,
{
    type Output = Result<<F::Output as Fallible>::Ok, Failure<<F::Output as Fallible>::Err>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if !*this.entered {
            *this.entered = true;
            if let Some(refusal) = begin(this.frame.as_mut()) {
                return Poll::Ready(Err(Failure::Policy(refusal)));
            }
        }
        let body = this.body;
        let call = enter_call(*this.sent, *this.repeat);
        let polled = match this.frame {
            Some(frame) => frame.enter(|| poll_body(body, cx)),
            None => poll_body(body, cx),
        };
        drop(call);
        match polled {
            Poll::Ready(Ok(result)) => {
                let enforced = this.timeout.map_or(Ok(()), Timeout::enforced);
                Poll::Ready(match enforced {
                    Ok(()) => result.into_outcome(),
                    Err(error) => Err(Failure::Policy(error)),
                })
            }
            Poll::Ready(Err(panic)) => Poll::Ready(Err(Failure::Panic(panic))),
            Poll::Pending => {
                let frame = this.frame.as_ref();
                let watch = Watch { timeout: *this.timeout, frame, deadline: deadline(frame) };
                watch.expired(this.clock, cx).map(|error| Err(Failure::Policy(error)))
            }
        }
    }
}

#[inline]
fn enter_call(sent: Option<&Sent>, repeat: Repeat) -> Option<Entered<'_>> {
    sent.map(|sent| sent.enter(repeat))
}

#[inline]
fn begin(frame: Option<&mut Frame>) -> Option<Error> {
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
    (due.at <= clock::instant()).then(|| due.exceeded(false))
}

#[inline]
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
