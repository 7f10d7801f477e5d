use super::Attempts;
use crate::context::{Frame, Repeat, Sent};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// An attempt under a retry alone: it bounds nothing and catches nothing. It tells the calls within what allows
    /// them to be repeated, and remembers for the retry what they send.
    #[must_use = "an attempt does nothing unless awaited"]
    pub struct Proven<'a, F> {
        #[pin]
        body: F,
        repeat: Repeat,
        sent: &'a Sent,
        // Holds the key, if there is one.
        frame: Option<Frame>,
        entered: bool,
    }
}

impl<'a, F> Proven<'a, F> {
    #[inline]
    pub(super) fn new(body: F, retry: &'a Attempts<'_>) -> Self {
        let frame = retry.keyed().map(Frame::keyed);
        Self { body, repeat: retry.repeat(), sent: retry.sent(), frame, entered: false }
    }
}

impl<F: Future> Future for Proven<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let body = this.body;
        let _call = this.sent.enter(*this.repeat);
        let Some(frame) = this.frame else { return body.poll(cx) };
        if !*this.entered {
            *this.entered = true;
            frame.inherit();
        }
        frame.enter(|| body.poll(cx))
    }
}

impl<F> fmt::Debug for Proven<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proven").field("repeat", &self.repeat).finish_non_exhaustive()
    }
}
