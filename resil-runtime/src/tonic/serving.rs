use super::grpc_timeout::{GRPC_TIMEOUT, Unreadable, read};
use super::status::BoxError;
use crate::context::{Due, Frame};
use crate::policy::deadline;
use crate::{Attempt, Failure, Site};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Frame as Part, SizeHint};
use std::future::Future;
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;
use tower_layer::Layer;
use tower_service::Service;

/// A layer for a server: the caller's `grpc-timeout` is the deadline of the handler, and of the answer that it streams.
///
/// Annotated calls within see it, as under a `#[deadline]`. When it passes, the handler is dropped and the answer is
/// `DEADLINE_EXCEEDED`: a hundredth of a second before the caller's own end, or a tenth of its time, so that the answer is not
/// too late itself. A call with no time left is answered so before any work. None gets more than this service gives
/// ([`at_most`](Self::at_most)), whatever it says, nor if it says nothing.
///
/// A `grpc-timeout` that is no time by the protocol is answered `INVALID_ARGUMENT`: who wanted an end is not served without one.
///
/// ```
/// use resil::tonic::CallerDeadline;
/// use std::time::Duration;
/// use tonic::transport::Server;
///
/// let deadline = CallerDeadline::at_most(Duration::from_secs(30)).at_least(Duration::from_millis(20));
/// let server = Server::builder().layer(deadline);
/// # drop(server); // .add_service(..).serve(..)
/// ```
#[must_use = "a layer does nothing until it is around a service"]
#[derive(Debug, Clone, Copy)]
pub struct CallerDeadline {
    most: Duration,
    least: Duration,
    site: &'static Site,
}

impl CallerDeadline {
    /// No call gets more than this.
    #[track_caller]
    pub fn at_most(most: Duration) -> Self {
        let site = Site::calling("resil::tonic::CallerDeadline", Location::caller());
        Self { most, least: Duration::ZERO, site }
    }

    /// With less left than this, a call is refused before any work: what it would get comes too late. None by default.
    pub fn at_least(mut self, least: Duration) -> Self {
        self.least = least;
        self
    }

    /// From here on.
    fn begin(&self, headers: &HeaderMap) -> Result<Due, Status> {
        let asked = read(headers).map_err(|Unreadable| {
            let limit = "at most eight digits and one of H, M, S, m, u, n";
            Status::invalid_argument(format!("`{GRPC_TIMEOUT}` is no time by the protocol: {limit}"))
        })?;
        let limit = asked.map_or(self.most, |asked| in_time(asked).min(self.most));
        let due = deadline::begin(self.site, limit);
        let left = asked.unwrap_or(Duration::MAX);
        if left.is_zero() || left < self.least { Err(due.refused().into()) } else { Ok(due) }
    }
}

/// Less the time that an answer needs.
fn in_time(asked: Duration) -> Duration {
    asked.saturating_sub((asked / 10).min(Duration::from_millis(10)))
}

impl<S> Layer<S> for CallerDeadline {
    type Service = Serving<S>;

    fn layer(&self, inner: S) -> Serving<S> {
        Serving { inner, deadline: *self }
    }
}

/// A service under [`CallerDeadline`].
#[derive(Debug, Clone)]
pub struct Serving<S> {
    inner: S,
    deadline: CallerDeadline,
}

impl<S, R, B> Service<Request<R>> for Serving<S>
where
    S: Service<Request<R>, Response = Response<B>, Future: Send> + Clone + Send + 'static,
    S::Error: Send,
    R: Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        // The one that was ready answers, and the clone waits for its turn.
        let clone = self.inner.clone();
        let mut service = std::mem::replace(&mut self.inner, clone);
        let due = self.deadline.begin(request.headers());
        Box::pin(async move {
            let due = match due {
                Ok(due) => due,
                Err(refusal) => return Ok(refusal.into_http()),
            };
            match Attempt::new(async move { service.call(request).await }).within(due).await {
                Ok(answer) => Ok(answer.map(|body| Body::new(Within::new(Body::new(body), due)))),
                Err(Failure::Call(error)) => Err(error),
                Err(Failure::Policy(error)) => Ok(Status::from(error).into_http()),
                Err(Failure::Panic(panic)) => resume_unwind(panic),
            }
        })
    }
}

/// The rest of an answer, under the same deadline.
struct Within {
    body: Option<Body>,
    due: Due,
    frame: Frame,
    timer: Pin<Box<Sleep>>,
}

impl Within {
    fn new(body: Body, due: Due) -> Self {
        let mut frame = Frame::default();
        frame.deadline = Some(due);
        Self { body: Some(body), due, frame, timer: Box::pin(tokio::time::sleep_until(due.at)) }
    }
}

impl http_body::Body for Within {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Part<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        // First, or parts that are always ready would go on for ever.
        if this.timer.as_mut().poll(cx).is_pending() {
            return this.frame.enter(|| Pin::new(body).poll_frame(cx));
        }
        this.body = None;
        let mut trailers = HeaderMap::new();
        let ended = Status::from(this.due.ended(false)).add_header(&mut trailers);
        Poll::Ready(Some(ended.map(|()| Part::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}
