use crate::context::{self, Frame, Sent};
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
        sent: &'a mut Sent,
        // Holds the key, if there is one.
        frame: Option<Frame>,
    }
}

impl<'a, F> Proven<'a, F> {
    #[inline]
    pub(super) fn new(body: F, sent: &'a mut Sent) -> Self {
        Self { body, sent, frame: None }
    }
}

impl<F: Future> Future for Proven<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let body = this.body;
        context::begins();
        if this.sent.is_keyed() && this.frame.is_none() {
            Frame::of_attempt(this.frame, this.sent);
            this.frame.iter_mut().for_each(Frame::inherit);
        }
        let _call = this.sent.enter();
        match this.frame {
            Some(frame) => frame.enter(|| body.poll(cx)),
            None => body.poll(cx),
        }
    }
}

impl<F> fmt::Debug for Proven<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proven").field("sent", &self.sent).finish_non_exhaustive()
    }
}
