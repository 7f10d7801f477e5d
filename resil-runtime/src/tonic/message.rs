//! The message of a request on its way out: whether any of it has left our hands.

use super::line::Line;
use crate::context::departure::{Acts, Departure};
use crate::context::keyed::KeyClaim;
use crate::context::{Activity, Pause};
use crate::sync::{AtomicU32, Mutex, Ordering, lock};
use crate::{Effect, Verdict};
use bytes::Bytes;
use http_body::{Body as _, Frame};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;

/// The first message of a request, which tonic has ready at once, and what comes after it.
pub(super) enum Message {
    /// All of it.
    Whole(Bytes),
    /// A stream, which may have begun.
    Stream(Option<Bytes>, Body),
}

impl Message {
    /// Looks at what is ready, so that two requests can be told apart before either is sent.
    pub(super) async fn of(mut body: Body) -> Result<Self, Status> {
        let mut next = async || poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await;
        let first = match next().await {
            Poll::Ready(None) => return Ok(Self::Whole(Bytes::new())),
            Poll::Ready(Some(frame)) => frame?.into_data().ok(),
            Poll::Pending => None,
        };
        match first {
            Some(first) if is_one_message(&first) => match next().await {
                Poll::Ready(None) => Ok(Self::Whole(first)),
                // The second of a stream, or an error of it, comes later again.
                Poll::Ready(Some(second)) => {
                    Ok(Self::Stream(Some(first), Body::new(Ahead { second: Some(second), body })))
                }
                Poll::Pending => Ok(Self::Stream(Some(first), body)),
            },
            first => Ok(Self::Stream(first, body)),
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }
}

/// A flag, four bytes of length, and so much.
fn is_one_message(frame: &[u8]) -> bool {
    let Some((&[_, a, b, c, d], message)) = frame.split_first_chunk() else { return false };
    usize::try_from(u32::from_be_bytes([a, b, c, d])).is_ok_and(|length| length == message.len())
}

/// A stream that was read one frame too far.
struct Ahead {
    second: Option<Result<Frame<Bytes>, Status>>,
    body: Body,
}

impl http_body::Body for Ahead {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.second.take() {
            Some(second) => Poll::Ready(Some(second)),
            None => Pin::new(&mut self.body).poll_frame(cx),
        }
    }
}

/// A request from before it leaves until its call ends. Shared with the connection that sends its message.
pub(super) struct Outgoing {
    state: AtomicU32,
    /// Until it leaves nobody is silent.
    pause: Mutex<Option<Pause>>,
    line: Arc<Line>,
}

const HELD: u32 = 0;
const LEFT: u32 = 1;
const KEPT: u32 = 2;

impl Outgoing {
    pub(super) fn new(line: Arc<Line>) -> Arc<Self> {
        line.join();
        Arc::new(Self { state: AtomicU32::new(HELD), pause: Mutex::new(Pause::start()), line })
    }

    /// Whether the message may leave. If so, it has.
    fn leaves(&self) -> bool {
        match self.state.compare_exchange(HELD, LEFT, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                self.line.leave(true);
                drop(lock(&self.pause).take());
                true
            }
            Err(state) => state == LEFT,
        }
    }

    /// Keeps the message back for good; `false` if it has left.
    pub(super) fn keep_back(&self) -> bool {
        match self.state.compare_exchange(HELD, KEPT, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                self.line.leave(false);
                drop(lock(&self.pause).take());
                true
            }
            Err(state) => state == KEPT,
        }
    }
}

/// The message as the connection asks for it.
pub(super) struct Upload {
    first: Option<Bytes>,
    rest: Option<Body>,
    outgoing: Arc<Outgoing>,
    activity: Option<Arc<Activity>>,
    /// While the next one of a stream is ours to make.
    pause: Option<Pause>,
}

impl Upload {
    pub(super) fn new(message: Message, outgoing: Arc<Outgoing>, activity: Option<Arc<Activity>>) -> Self {
        let (first, rest) = match message {
            Message::Whole(whole) => (Some(whole), None),
            Message::Stream(first, rest) => (first, Some(rest)),
        };
        Self { first, rest, outgoing, activity, pause: None }
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match (self.first.take(), &mut self.rest) {
            (Some(first), _) => Poll::Ready(Some(Ok(Frame::data(first)))),
            (None, Some(rest)) => Pin::new(rest).poll_frame(cx),
            (None, None) => Poll::Ready(None),
        }
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.outgoing.leaves() {
            return Poll::Ready(Some(Err(Status::cancelled("the call has ended before its message was sent"))));
        }
        let next = self.next(cx);
        match &self.activity {
            Some(activity) if next.is_ready() => {
                activity.mark();
                self.pause = None;
            }
            Some(activity) if self.pause.is_none() => self.pause = Some(Pause::of(Arc::clone(activity))),
            _ => {}
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_none()
    }
}

/// A request under way, as its call sees it. Dropped with the call: a message that has not left by then never will.
pub(super) struct Sending {
    pub(super) departure: Arc<Departure>,
    pub(super) outgoing: Arc<Outgoing>,
    claim: Option<KeyClaim>,
    /// Only then is it certain that nobody has acted where no message has left: a stream that opens may be enough.
    is_whole: bool,
    is_over: bool,
}

impl Sending {
    pub(super) fn begin(acts: Acts, to: String, claim: Option<KeyClaim>, is_whole: bool, line: Arc<Line>) -> Self {
        let departure = Departure::begin(acts, to, false);
        Self { departure, outgoing: Outgoing::new(line), claim, is_whole, is_over: false }
    }

    /// Whether nothing of it has left, and nothing will.
    pub(super) fn never_left(&self) -> bool {
        self.outgoing.keep_back() && self.is_whole
    }

    /// It is certain to have done nothing, and its key has not been used.
    pub(super) fn undone(&mut self) {
        self.departure.undone();
        self.claim.take().into_iter().for_each(KeyClaim::give_back);
    }

    /// It has failed like this.
    pub(super) fn failed(&mut self, verdict: Verdict) {
        if verdict.effect == Effect::None {
            self.undone();
        }
    }

    /// It was answered, perhaps before the partner had it all.
    pub(super) fn answered(mut self) -> Arc<Departure> {
        self.outgoing.leaves();
        self.is_over = true;
        Arc::clone(&self.departure)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.is_over && self.never_left() {
            self.undone();
        }
    }
}
