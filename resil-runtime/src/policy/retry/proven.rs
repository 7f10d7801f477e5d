use super::IdempotencyKey;
use crate::context::{Frame, Repeat};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// An attempt under a retry alone: it bounds nothing and catches nothing, it only tells the calls within what
    /// allows them to be repeated.
    #[must_use = "an attempt does nothing unless awaited"]
    pub struct Proven<F> {
        #[pin]
        body: F,
        repeat: Repeat,
        // Holds the key, if there is one.
        frame: Option<Frame>,
        entered: bool,
    }
}

impl<F> Proven<F> {
    #[inline]
    pub(super) fn new(body: F, repeat: Repeat, key: Option<&IdempotencyKey>) -> Self {
        Self { body, repeat, frame: key.cloned().map(Frame::keyed), entered: false }
    }
}

impl<F: Future> Future for Proven<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let body = this.body;
        let _repeat = this.repeat.enter();
        let Some(frame) = this.frame else { return body.poll(cx) };
        if !*this.entered {
            *this.entered = true;
            frame.inherit();
        }
        frame.enter(|| body.poll(cx))
    }
}

impl<F> fmt::Debug for Proven<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proven").field("repeat", &self.repeat).finish_non_exhaustive()
    }
}
