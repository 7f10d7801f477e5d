use super::retry::Attempts;
use super::timeout::{Bounds, Timeout};
use crate::context::{Activity, Due, Frame};
use crate::failure::Fallible;
use crate::registry::{Registry, events};
use crate::{Error, Failure, Phase, clock};
use pin_project_lite::pin_project;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep};

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
    pub struct Attempt<F> {
        #[pin]
        body: F,
        // Armed when the body is first pending: a call that is ready at once never reads the time.
        #[pin]
        timer: Option<Sleep>,
        bounds: Bounds,
        frame: Option<Frame>,
        progress: Progress,
    }
}

/// Where an attempt stands between two polls.
#[derive(Debug, Default)]
struct Progress {
    entered: bool,
    /// When the body was first pending; the attempt's bound counts from here.
    pending_since: Option<Instant>,
    /// When the read clock last restarted, and the marks it had seen by then.
    silent_since: Option<Instant>,
    marks: u32,
}

impl<F> Attempt<F> {
    /// An attempt without bounds of its own.
    pub fn new(body: F) -> Self {
        Self { body, timer: None, bounds: Bounds::NONE, frame: None, progress: Progress::default() }
    }

    pub(super) fn bounded(body: F, timeout: &Timeout) -> Self {
        let mut attempt = Self::new(body);
        attempt.bounds = *timeout.bounds();
        if attempt.bounds.phases() {
            attempt.frame().connect = attempt.bounds.connect;
        }
        attempt
    }

    /// Ends it, at the latest, when this deadline passes, and hands the deadline to nested calls.
    pub fn within(mut self, due: Due) -> Self {
        self.frame().deadline = Some(due);
        self
    }

    /// Tells the calls within under which proof they may be repeated.
    pub fn under(mut self, retry: &Attempts<'_>) -> Self {
        self.frame().proof = retry.proof();
        self
    }

    fn frame(&mut self) -> &mut Frame {
        self.frame.get_or_insert_default()
    }
}

impl<F> Future for Attempt<F>
where
    F: Future,
    F::Output: Fallible,
{
    type Output = Result<<F::Output as Fallible>::Ok, Failure<<F::Output as Fallible>::Err>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(frame) = this.frame
            && !this.progress.entered
        {
            this.progress.entered = true;
            frame.inherit();
            if let Some(due) = frame.deadline
                && due.at <= clock::instant()
            {
                return Poll::Ready(Err(Failure::Policy(deadline_exceeded(due, false))));
            }
        }
        let polled = match this.frame {
            Some(frame) => frame.enter(|| poll_body(this.body.as_mut(), cx)),
            None => poll_body(this.body.as_mut(), cx),
        };
        match polled {
            Poll::Ready(Ok(result)) => Poll::Ready(
                this.bounds
                    .enforced()
                    .map_err(Failure::Policy)
                    .and_then(|()| result.into_result().map_err(Failure::Call)),
            ),
            Poll::Ready(Err(panic)) => Poll::Ready(Err(Failure::Panic(panic))),
            Poll::Pending => expire(this.timer, this.bounds, this.frame.as_ref(), this.progress, cx)
                .map(|error| Err(Failure::Policy(error))),
        }
    }
}

#[inline]
fn poll_body<F: Future>(body: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Box<dyn Any + Send>>> {
    // The body is never polled again after a panic, so nobody sees a broken invariant.
    match catch_unwind(AssertUnwindSafe(|| body.poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    }
}

/// Decides, after a pending poll, whether a bound has passed, and sees to it that the next one wakes the task.
fn expire(
    mut timer: Pin<&mut Option<Sleep>>,
    bounds: &Bounds,
    frame: Option<&Frame>,
    progress: &mut Progress,
    cx: &mut Context<'_>,
) -> Poll<Error> {
    let deadline = frame.and_then(|frame| frame.deadline);
    if deadline.is_none() && bounds.attempt.is_none() && bounds.read.is_none() {
        return Poll::Pending;
    }
    loop {
        let now = clock::instant();
        let Some((due, bound)) = nearest(bounds, deadline, frame, progress, now) else { return Poll::Pending };
        // Asked of the clock and not of the timer, which stays pending for a task that has used up its budget.
        if due <= now {
            return Poll::Ready(bound.error(bounds));
        }
        match timer.as_mut().as_pin_mut() {
            None => timer.set(Some(tokio::time::sleep_until(due))),
            Some(armed) if armed.deadline() > due => armed.reset(due),
            // Armed for an earlier moment: the read clock restarted since. It looks again when that moment comes.
            Some(_) => {}
        }
        if let Some(mut armed) = timer.as_mut().as_pin_mut() {
            std::task::ready!(armed.as_mut().poll(cx));
            if let Some((later, _)) = nearest(bounds, deadline, frame, progress, clock::instant())
                && later > armed.deadline()
            {
                armed.reset(later);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Bound {
    Phase(Phase),
    Deadline(Due),
}

impl Bound {
    fn error(self, bounds: &Bounds) -> Error {
        match self {
            Self::Deadline(due) => deadline_exceeded(due, true),
            Self::Phase(phase) => bounds.timed_out(phase),
        }
    }
}

/// The bound that passes first.
fn nearest(
    bounds: &Bounds,
    deadline: Option<Due>,
    frame: Option<&Frame>,
    progress: &mut Progress,
    now: Instant,
) -> Option<(Instant, Bound)> {
    let pending_since = *progress.pending_since.get_or_insert(now);
    let attempt = bounds.attempt.map(|limit| (clock::after(pending_since, limit), Bound::Phase(Phase::Attempt)));
    let read = match (bounds.read, frame) {
        (Some(limit), Some(frame)) => {
            Some((clock::after(silent_since(frame, progress, now), limit), Bound::Phase(Phase::Read)))
        }
        _ => None,
    };
    let deadline = deadline.map(|due| (due.at, Bound::Deadline(due)));
    [attempt, read, deadline].into_iter().flatten().min_by_key(|(due, _)| *due)
}

/// The read clock restarts on a mark, never on a mere poll, and stands still while a connection is being made.
fn silent_since(frame: &Frame, progress: &mut Progress, now: Instant) -> Instant {
    let since = progress.silent_since.get_or_insert(now);
    if progress.marks != frame.marks() {
        progress.marks = frame.marks();
        *since = now;
    }
    match frame.activity().map(Activity::dialled_by) {
        Some(Some(dialled)) => *since = dialled.max(*since),
        Some(None) => *since = now,
        None => {}
    }
    *since
}

fn deadline_exceeded(due: Due, attempted: bool) -> Error {
    events::deadline(due.site, due.limit, attempted);
    Error::DeadlineExceeded { site: due.site, limit: due.limit, attempted }
}

impl Bounds {
    fn timed_out(&self, phase: Phase) -> Error {
        let limit = match phase {
            Phase::Connect => self.connect,
            Phase::Read => self.read,
            Phase::Attempt => self.attempt,
        }
        .unwrap_or_default();
        events::timed_out(self.site, phase, limit);
        Error::Timeout { site: self.site, phase, limit }
    }

    /// Says once that a `connect` bound has nothing that enforces it; an error where a test asked for strictness.
    #[inline]
    fn enforced(&self) -> Result<(), Error> {
        if self.connect.is_none() { Ok(()) } else { self.unenforced() }
    }

    #[cold]
    fn unenforced(&self) -> Result<(), Error> {
        Registry::with(|registry| {
            if !registry.connect_is_unenforced() {
                return Ok(());
            }
            #[cfg(feature = "testing")]
            if crate::testing::is_strict() {
                return Err(crate::registry::misconfigured(format!(
                    "`connect` in {} bounds nothing: no adapter is installed. Build the client with \
                     `resil::http::client()`, or dial through `resil::net::connect`",
                    self.site
                )));
            }
            if registry.warn_of_dials() {
                events::connect_unenforced(self.site);
            }
            Ok(())
        })
    }
}

impl<F> fmt::Debug for Attempt<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("bounds", &self.bounds)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
