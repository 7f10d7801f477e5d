use crate::context::departure::Departure;
use crate::context::{Activity, Pause};
use ::reqwest::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A streamed request body: the connection's own task asks for its chunks. That it was asked for is remembered. Each chunk
/// restarts the read clock, which stands still while the next one is not there yet.
pub(super) struct Uploading {
    body: Body,
    departure: Arc<Departure>,
    activity: Option<Arc<Activity>>,
    pause: Option<Pause>,
}

impl Uploading {
    pub(super) fn new(body: Body, departure: Arc<Departure>, activity: Option<Arc<Activity>>) -> Self {
        Self { body, departure, activity, pause: None }
    }
}

impl http_body::Body for Uploading {
    type Data = Bytes;
    type Error = ::reqwest::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.departure.body_asked_for();
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &self.activity {
            Some(activity) if polled.is_ready() => {
                activity.mark();
                self.pause = None;
            }
            Some(activity) if self.pause.is_none() => self.pause = Some(Pause::of(Arc::clone(activity))),
            _ => {}
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
