use super::Rule;
use super::answer::{Answer, is_kept};
use super::store::Known;
use crate::http::KeyRejection;
use crate::http::axum::key_of;
use crate::http::problem::{A_MOMENT, busy, ours, problem};
use crate::registry::events::event;
use crate::sql::answers::{another_request, running};
use crate::{Classify as _, Error, Kind};
use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRequest as _, OriginalUri};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;
use uuid::Uuid;

/// Tells the payload of one request from that of another. The namespace of its UUIDs; changing it would make every stored
/// answer one to another request.
const PAYLOADS: Uuid = Uuid::from_u128(0x3f8b_d6c1_05a7_4e29_96de_7b40_f2c8_1a53);

/// A service under [`IdempotencyLayer`](super::IdempotencyLayer).
#[derive(Clone)]
pub struct IdempotencyService<S> {
    inner: S,
    rule: Arc<Rule>,
}

/// Goes with a request: what layers around have told it from others by. A layer within would take it for its own repeat.
#[derive(Clone, Default)]
struct Within(Vec<String>);

impl<S> IdempotencyService<S> {
    pub(super) fn new(inner: S, rule: Arc<Rule>) -> Self {
        Self { inner, rule }
    }
}

impl<S> fmt::Debug for IdempotencyService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule.describe("IdempotencyService", f)
    }
}

impl<S> Service<Request<Body>> for IdempotencyService<S>
where
    S: Service<Request<Body>, Response = Response, Future: Send> + Clone + Send + 'static,
    S::Error: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let keyed = match keyed(&self.rule, &parts) {
            Ok(Some(keyed)) => keyed,
            Ok(None) => return Box::pin(self.inner.call(Request::from_parts(parts, body))),
            Err(rejection) => return Box::pin(async move { Ok(rejection.into_response()) }),
        };
        // The one that was ready answers, and the clone waits for its turn.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let rule = Arc::clone(&self.rule);
        Box::pin(async move { answer(&rule, &keyed, inner, parts, body).await })
    }
}

/// What tells this request from others; `None` if it is none of ours.
fn keyed(rule: &Rule, parts: &Parts) -> Result<Option<String>, KeyRejection> {
    if parts.method != Method::POST && parts.method != Method::PATCH {
        return Ok(None);
    }
    let Some(owner) = (rule.scope)(parts) else { return Ok(None) };
    let key = match key_of(&parts.headers) {
        Err(KeyRejection::Missing) if !rule.is_required => return Ok(None),
        key => key?,
    };
    // Within nested routers the path is cut short, and two of them look alike.
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let id = key.of(owner).step(&format!("{} {target}", parts.method)).to_string();
    let is_within = parts.extensions.get::<Within>().is_some_and(|within| within.0.contains(&id));
    Ok((!is_within).then_some(id))
}

async fn answer<S>(rule: &Rule, id: &str, mut inner: S, mut parts: Parts, body: Body) -> Result<Response, S::Error>
where
    S: Service<Request<Body>, Response = Response>,
{
    // Until it is answered, or dropped.
    let Some(_entry) = rule.running.begin(id) else { return Ok(running()) };
    let body = match read(body, rule.max_payload).await {
        Ok(body) => body,
        Err(why) => return Ok(why),
    };
    let payload = Uuid::new_v5(&PAYLOADS, &body).to_string();
    match rule.store.look(id).await {
        Ok(Some(known)) if known.payload != payload => return Ok(another_request()),
        Ok(Some(Known { answer: Some(answer), .. })) => return Ok(answer.replay()),
        Ok(_) => {}
        Err(error) => return Ok(refused(&error)),
    }
    parts.extensions.get_or_insert_default::<Within>().0.push(id.to_owned());
    let response = inner.call(Request::from_parts(parts, Body::from(body))).await?;
    if !is_kept(&response, rule.max_answer) {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let least = body.size_hint().lower();
    let body = match to_bytes(body, rule.max_answer).await {
        Ok(body) if body.len() as u64 >= least => body,
        _ => return Ok(broken()),
    };
    keep(rule, id, &payload, &parts, &body).await;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// If that fails, a repeat runs the handler, and `once` answers.
async fn keep(rule: &Rule, id: &str, payload: &str, parts: &http::response::Parts, body: &Bytes) {
    let answer = Answer::of(parts, body, &rule.headers);
    if let Err(error) = rule.store.keep(id, payload, answer, rule.keep).await {
        event!(warn, error = crate::registry::log::text(error), "an answer was not kept, its repeat will run again");
        _ = error;
    }
}

/// A payload, or why there is none.
async fn read(body: Body, longest: usize) -> Result<Bytes, Response> {
    let mut request = Request::new(body);
    DefaultBodyLimit::max(longest).apply(&mut request);
    // It knows the limits of other layers too.
    Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => problem(StatusCode::PAYLOAD_TOO_LARGE, "The payload is too long"),
        _ => problem(StatusCode::BAD_REQUEST, "The payload could not be read"),
    })
}

/// Nobody can tell whether it is a repeat. Nothing was done, whatever became of the question.
fn refused(error: &Error) -> Response {
    event!(
        warn,
        error = crate::registry::log::text(error),
        "a request was refused, because its answer could not be looked up"
    );
    match error.verdict().kind {
        Kind::Transient => busy(A_MOMENT),
        _ => ours(),
    }
}

/// It was not as long as it said.
fn broken() -> Response {
    event!(warn, "an answer broke off, it was not kept");
    ours()
}
