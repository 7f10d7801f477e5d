use super::call::{self, Elsewhere, Repeat};
use super::record::CallRecord;
use super::span::CallersSpan;
use super::{Activity, Frame, Listener};
use crate::transaction::{Scope, scope};
use std::cell::OnceCell;
use std::future::Future;
use std::sync::Arc;

/// What a call takes along when its body runs on another thread: the deadline, the bound on connecting, the proof of
/// idempotency, the transactions and connections held, the way back to its read clock, the rate limit that hears of
/// answers, the record of what is sent, and the tracing span.
pub(crate) struct Carried {
    frame: Frame,
    repeat: Repeat,
    record: Option<Arc<CallRecord>>,
    scope: Option<Arc<Scope>>,
    listener: Option<Listener>,
    span: CallersSpan,
    #[cfg(feature = "testing")]
    isolation: Option<crate::testing::Isolation>,
}

impl Carried {
    /// What is in force here.
    pub(crate) fn here() -> Self {
        let mut frame = Frame::default();
        frame.inherit();
        // The caller's own, since it is the same attempt.
        frame.activity = super::activity().map(OnceCell::from).unwrap_or_default();
        Self {
            frame,
            repeat: Repeat::current(),
            record: call::record(),
            scope: Scope::innermost(),
            listener: Listener::current(),
            span: CallersSpan::current(),
            #[cfg(feature = "testing")]
            isolation: crate::testing::Isolation::here(),
        }
    }

    /// The same for a task that the caller need not wait for.
    pub(crate) fn for_a_task() -> Self {
        let mut carried = Self::here();
        if let Some(callers) = carried.frame.activity.take() {
            carried.frame.activity = OnceCell::from(Arc::new(Activity::of_a_task(callers)));
        }
        carried
    }

    /// Runs the body as if it were polled where this was taken.
    pub(crate) async fn around<F: Future>(mut self, body: F) -> F::Output {
        let mut body = std::pin::pin!(body);
        std::future::poll_fn(move |cx| self.enter(|| body.as_mut().poll(cx))).await
    }

    fn enter<R>(&mut self, poll: impl FnOnce() -> R) -> R {
        #[cfg(feature = "testing")]
        let _isolated = self.isolation.as_ref().map(crate::testing::Isolation::enter);
        let _call = Elsewhere::enter(self.record.as_ref(), self.repeat);
        let poll = || self.span.enter(poll);
        scope::enter(&mut self.scope, || self.frame.enter(|| Listener::enter(self.listener, poll)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Carried, Frame};
    use crate::{clock, context};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_mark_made_elsewhere_restarts_the_read_clock_of_the_caller() {
        let frame = Frame::bounding(None, std::num::NonZeroU32::new(9_000));
        let carried = frame.enter(Carried::here);
        tokio::time::advance(Duration::from_secs(5)).await;
        carried.around(async { context::mark() }).await;
        let silent_since = frame.activity().and_then(context::Activity::silent_since);
        assert_eq!(silent_since, Some(clock::instant()));
    }
}
