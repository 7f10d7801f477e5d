//! A request with a read clock of its own.

use super::{Activity, Frame, activity, current};
use crate::clock;
use crate::lazy::Lazy;
use pin_project_lite::pin_project;
use std::cell::OnceCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

pin_project! {
    /// One request, or one wait for a part of its answer. Where a `read` bounds the attempt around it, it is silent by
    /// itself: what those beside it hear, dial or upload is not its own. Elsewhere it is nothing but the future within.
    pub(crate) struct InFlight<F> {
        #[pin]
        request: F,
        hearing: Hearing,
    }
}

/// How long a request has heard nothing.
///
/// It has a timer of its own, since only a request that has just been polled is known to have heard nothing.
pub(crate) struct Hearing(Lazy<Listens>);

pin_project! {
    struct Listens {
        frame: Frame,
        #[pin]
        timer: Sleep,
    }
}

impl<F> InFlight<F> {
    pub(crate) fn new(request: F) -> Self {
        Self { request, hearing: Hearing(Lazy::NONE) }
    }

    /// A further wait of a request, which begins here and whose upload may still be under way.
    #[cfg(feature = "reqwest")]
    pub(crate) fn again(request: F, known: Option<Arc<Activity>>) -> Self {
        Self { request, hearing: Hearing::again(known) }
    }
}

impl Hearing {
    /// Of a further wait of a request, which begins here and whose upload may still be under way.
    #[cfg(any(feature = "reqwest", feature = "tonic"))]
    pub(crate) fn again(known: Option<Arc<Activity>>) -> Self {
        let mut this = Self(Lazy::NONE);
        if let Some(known) = known {
            known.begin();
            this.0.get_or_make(|| Listens::new(known));
        }
        this
    }

    /// Polls the request within.
    pub(crate) fn poll<R>(&mut self, cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
        let is_heard = self.0.get().is_some() || current(|frame| frame.read.is_some()).unwrap_or(false);
        if !is_heard {
            return poll(cx);
        }
        let mut listens = self.0.get_or_make(|| Listens::new(Arc::default()));
        let polled = listens.frame.enter(|| poll(cx));
        if polled.is_pending() {
            listens.as_mut().watch(cx);
        }
        polled
    }
}

impl Listens {
    fn new(activity: Arc<Activity>) -> Self {
        let mut frame = Frame::default();
        frame.inherit();
        frame.activity = OnceCell::from(activity);
        Self { frame, timer: tokio::time::sleep_until(clock::instant()) }
    }

    /// Tells the one who polls it, after a pending poll, how long nothing was heard, if it was too long; else sees to it that
    /// it is polled then.
    fn watch(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut this = self.project();
        let (Some(read), Some(own)) = (this.frame.read, this.frame.activity()) else { return };
        let limit = Duration::from_millis(read.get().into());
        loop {
            let now = clock::instant();
            let since = own.silent_since().unwrap_or(now);
            let silence = now.saturating_duration_since(since);
            let left = limit.checked_sub(silence).filter(|left| !left.is_zero());
            if left.is_none() {
                _ = activity().inspect(|around| around.is_silent(silence));
            }
            let due = clock::after(now, left.unwrap_or(limit));
            if clock::poll_until(this.timer.as_mut(), due, now, cx).is_pending() {
                return;
            }
        }
    }
}

impl<F: Future> Future for InFlight<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.hearing.poll(cx, |cx| this.request.poll(cx))
    }
}
