use super::answer::Answer;
use super::grpc_timeout::{GRPC_TIMEOUT, read, written};
use super::line::{Line, bounded};
use super::marks::Carries;
use super::message::{Message, Sending, Upload};
use super::status::{BoxError, Known, is_timeout_of_tonic, of_call, unsent};
use super::{answer, key};
use crate::context::departure::Acts;
use crate::context::{self, Due, InFlight};
use crate::registry::events;
use crate::{Verdict, clock};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;

/// How near two clocks for one deadline are, and how long the one that counts is waited for.
const GRACE: Duration = Duration::from_millis(100);

/// A channel, or another service for a generated client, in which the attributes around a call are in force: see
/// [`resil::tonic`](crate::tonic).
///
/// [`channel`](super::channel) makes one in which `connect` is enforced as well. In one around a channel that dials by itself it
/// is not; the rest is.
#[derive(Clone)]
pub struct Checked<S> {
    inner: S,
    line: Arc<Line>,
    origin: Arc<str>,
    /// What readiness has failed with, for the call to say: a generated client would drop what it means.
    failed: Option<Arc<BoxError>>,
}

impl<S> Checked<S> {
    /// Around a channel that is there already, such as one that balances.
    pub fn new(service: S) -> Self {
        Self::over(service, Arc::default(), String::new())
    }

    pub(super) fn over(inner: S, line: Arc<Line>, origin: String) -> Self {
        Self { inner, line, origin: origin.into(), failed: None }
    }
}

impl<S> fmt::Debug for Checked<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl<S, B> Service<Request<Body>> for Checked<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send> + Clone + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx).map(|ready| {
            self.failed = ready.err().map(|error| Arc::new(error.into()));
            Ok(())
        })
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that was ready answers, and the clone waits for its turn.
        let clone = self.clone();
        Box::pin(InFlight::new(std::mem::replace(self, clone).send(request)))
    }
}

impl<S, B> Checked<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send> + Clone + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    async fn send(mut self, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        if let Some(failed) = self.failed.take() {
            return Err(Known::transport(
                format!("the channel is closed: {failed}").into(),
                Verdict::transient().unsent(),
            ));
        }
        let due = context::deadline();
        if let Some(due) = due {
            say(due.remaining(), request.headers_mut()).map_err(|()| due.refused())?;
        }
        let carries = request.extensions_mut().remove().unwrap_or(Carries::OfTheCall);
        let acts = match carries {
            Carries::Harmless(why) => {
                events::harmless(why);
                Acts::Never
            }
            _ => Acts::Yes,
        };
        let (mut head, body) = request.into_parts();
        let message = Message::of(body).await.map_err(|status| Known::answer(status, Verdict::caller()))?;
        let claim = key::prove(&carries, &self.origin, &mut head, &message)?;
        let mut sending =
            Sending::begin(acts, self.origin.to_string(), claim, message.is_whole(), Arc::clone(&self.line));
        let is_whole = message.is_whole();
        let upload = Upload::new(message, Arc::clone(&sending.outgoing), context::activity());
        let answer = self.inner.call(Request::from_parts(head, Body::new(upload)));
        let ended = wait(answer, &sending, self.line, due).await;
        context::mark();
        match ended {
            Ended::Answered(mut answer) => {
                answer::readable(answer.headers_mut());
                if let Some((status, verdict)) = answer::of_head(&answer, is_whole) {
                    sending.failed(verdict);
                    return Err(Known::answer(status, verdict));
                }
                let departure = sending.answered();
                departure.is_waited_for(false);
                Ok(Answer::of(answer.map(Body::new), departure, is_whole))
            }
            Ended::Failed(error) => {
                let verdict = of_call(&*error);
                let verdict = if sending.never_left() { unsent(verdict) } else { verdict };
                sending.failed(verdict);
                Err(Known::transport(error, verdict))
            }
            Ended::NotConnected(timeout) => {
                sending.undone();
                let mut status = Status::unavailable("no connection in time");
                status.set_source(Arc::new(timeout));
                Err(status)
            }
        }
    }
}

/// Waits for the head of the answer, or for a connection that takes too long.
async fn wait<F, B, E>(answer: F, sending: &Sending, line: Arc<Line>, due: Option<Due>) -> Ended<B>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
{
    let mut answer = pin!(answer);
    let mut connected = pin!(async {
        match context::connect_bound() {
            Some(bound) => bounded(bound, line, || sending.outgoing.keep_back()).await,
            None => pending().await,
        }
    });
    let ended = poll_fn(|cx| {
        if let Poll::Ready(ended) = sending.departure.enter(|| answer.as_mut().poll(cx)) {
            return Poll::Ready(ended.map_or_else(|error| Ended::Failed(error.into()), Ended::Answered));
        }
        connected.as_mut().poll(cx).map(Ended::NotConnected)
    });
    let ended = ended.await;
    if let (Ended::Failed(error), Some(due)) = (&ended, due)
        && is_timeout_of_tonic(&**error)
        && due.remaining() < GRACE
    {
        // tonic keeps the time that we have written, too. Whose deadline it is says so itself, and knows more about it.
        tokio::time::sleep_until(clock::after(due.at, GRACE)).await;
    }
    ended
}

enum Ended<B> {
    Answered(Response<B>),
    Failed(BoxError),
    NotConnected(crate::ConnectTimeout),
}

/// Tells the partner how much time there is; an error if there is none.
fn say(left: Duration, headers: &mut HeaderMap) -> Result<(), ()> {
    let written = written(left).ok_or(())?;
    let is_less = read(headers).is_ok_and(|said| said.is_some_and(|said| said < left));
    if !is_less {
        headers.insert(GRPC_TIMEOUT, written);
    }
    Ok(())
}
