use crate::context::Activity;
use crate::context::departure::Departure;
use ::reqwest::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A streamed request body: the connection's own task asks for its chunks. That it was asked for is remembered, and each
/// chunk restarts the read clock.
pub(super) struct Uploading {
    pub(super) body: Body,
    pub(super) departure: Arc<Departure>,
    pub(super) activity: Option<Arc<Activity>>,
}

impl http_body::Body for Uploading {
    type Data = Bytes;
    type Error = ::reqwest::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.departure.body_asked_for();
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready()
            && let Some(activity) = &self.activity
        {
            activity.mark();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        http_body::Body::size_hint(&self.body)
    }
}
