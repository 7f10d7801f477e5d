use crate::context::{Frame, Proof};
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
        frame: Frame,
        entered: bool,
    }
}

impl<F> Proven<F> {
    pub(super) fn new(body: F, proof: Proof) -> Self {
        Self { body, frame: Frame::of(proof), entered: false }
    }
}

impl<F: Future> Future for Proven<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if !*this.entered {
            *this.entered = true;
            this.frame.inherit();
        }
        this.frame.enter(|| this.body.poll(cx))
    }
}

impl<F> fmt::Debug for Proven<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proven").field("frame", &self.frame).finish_non_exhaustive()
    }
}
