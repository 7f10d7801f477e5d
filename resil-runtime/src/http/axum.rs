//! The axum adapter: the `Idempotency-Key` header, by the IETF's draft.

use super::IDEMPOTENCY_KEY;
use super::problem::{KeyRejection, running};
use crate::sync::{Mutex, lock};
use crate::{InvalidKey, RequestKey};
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, Method, Request};
use pin_project_lite::pin_project;
use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// The key of the header `Idempotency-Key`: a string of RFC 8941, as the IETF's draft has it, or the bare text that many
/// clients send.
fn key_of(headers: &HeaderMap) -> Result<RequestKey, KeyRejection> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Err(KeyRejection::Missing),
        (Some(_), Some(_)) => return Err(KeyRejection::Several),
        (Some(value), None) => value.as_bytes().trim_ascii(),
    };
    let text = match value.strip_prefix(b"\"") {
        Some(string) => string_of(string)?,
        None => text_of(value, u8::is_ascii_graphic)?,
    };
    text.parse().map_err(KeyRejection::Invalid)
}

/// What stands between the quotes. The parameters behind it say nothing about a key.
fn string_of(mut rest: &[u8]) -> Result<String, KeyRejection> {
    let mut string = Vec::new();
    loop {
        rest = match rest {
            [b'"', behind @ ..] => {
                let is_end = behind.is_empty() || behind.starts_with(b";") && !behind.contains(&b',');
                let text = text_of(&string, |byte| matches!(byte, b' '..=b'~'));
                return if is_end { text } else { Err(KeyRejection::Malformed) };
            }
            [b'\\', byte @ (b'"' | b'\\'), rest @ ..] => {
                string.push(*byte);
                rest
            }
            [b'\\', ..] | [] => return Err(KeyRejection::Malformed),
            [byte, rest @ ..] => {
                string.push(*byte);
                rest
            }
        };
    }
}

fn text_of(bytes: &[u8], is_allowed: impl Fn(&u8) -> bool) -> Result<String, KeyRejection> {
    match bytes.iter().position(|byte| !is_allowed(byte)) {
        Some(at) => Err(KeyRejection::Invalid(InvalidKey::Character { at })),
        None => Ok(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// The header `Idempotency-Key` of the request. Without one, or with one that is not a key, the answer is 400.
///
/// ```
/// use axum::{Router, routing::post};
/// use resil::RequestKey;
///
/// async fn order(key: RequestKey) -> String {
///     format!("{} bytes", key.as_str().len()) // `#[transactional(.., once = key.of(&user.id))]`
/// }
///
/// let service: Router = Router::new().route("/orders", post(order)).layer(resil::http::IdempotencyLayer::new());
/// ```
impl<S: Send + Sync> FromRequestParts<S> for RequestKey {
    type Rejection = KeyRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, KeyRejection> {
        key_of(&parts.headers)
    }
}

/// `None` if there is no such header; one that is not a key is still a 400.
impl<S: Send + Sync> OptionalFromRequestParts<S> for RequestKey {
    type Rejection = KeyRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, KeyRejection> {
        match key_of(&parts.headers) {
            Ok(key) => Ok(Some(key)),
            Err(KeyRejection::Missing) => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }
}

/// Asks each POST and PATCH for an `Idempotency-Key`: 400 without one, 409 while a request with the same key and path
/// runs in this process.
///
/// The rest is done where the request is: `#[transactional(.., once = key)]` answers a repeat with the outcome it stored,
/// waits for one that runs in another process, and refuses other arguments, which [`Error`](crate::Error) as a response
/// says as 422.
///
/// Put one around the whole service: within nested routers the paths are cut short, and two of them look alike.
///
/// Dropping a response's future, as axum does when a client leaves, frees the key.
#[derive(Debug, Clone, Default)]
pub struct IdempotencyLayer {
    running: Arc<InFlight>,
}

impl IdempotencyLayer {
    /// The layer. Its clones know of each other's requests.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<S> Layer<S> for IdempotencyLayer {
    type Service = IdempotencyService<S>;

    fn layer(&self, inner: S) -> IdempotencyService<S> {
        IdempotencyService { inner, running: Arc::clone(&self.running) }
    }
}

/// A service under [`IdempotencyLayer`].
#[derive(Debug, Clone)]
pub struct IdempotencyService<S> {
    inner: S,
    running: Arc<InFlight>,
}

#[derive(Debug, Default)]
struct InFlight(Mutex<HashSet<(Method, String, RequestKey)>>);

/// A request that runs; ends when dropped.
#[doc(hidden)]
#[derive(Debug)]
pub struct Entry {
    running: Arc<InFlight>,
    request: (Method, String, RequestKey),
}

impl Entry {
    /// `None` if the same request runs already.
    fn begin(running: &Arc<InFlight>, method: &Method, path: &str, key: RequestKey) -> Option<Self> {
        let request = (method.clone(), path.to_owned(), key);
        let is_first = lock(&running.0).insert(request.clone());
        is_first.then(|| Self { running: Arc::clone(running), request })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.running.0).remove(&self.request);
    }
}

impl<S, B> Service<Request<B>> for IdempotencyService<S>
where
    S: Service<Request<B>, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.method() != Method::POST && request.method() != Method::PATCH {
            return Answering::Called { call: self.inner.call(request), entry: None };
        }
        let key = match key_of(request.headers()) {
            Ok(key) => key,
            Err(rejection) => return Answering::Refused { response: Some(rejection.into_response()) },
        };
        let Some(entry) = Entry::begin(&self.running, request.method(), request.uri().path(), key) else {
            return Answering::Refused { response: Some(running()) };
        };
        Answering::Called { call: self.inner.call(request), entry: Some(entry) }
    }
}

pin_project! {
    /// The answer of an [`IdempotencyService`].
    #[project = AnsweringProjection]
    #[must_use = "futures do nothing unless awaited"]
    pub enum Answering<F> {
        /// The request runs.
        #[doc(hidden)]
        Called {
            #[pin]
            call: F,
            entry: Option<Entry>,
        },
        /// It was not let in.
        #[doc(hidden)]
        Refused { response: Option<Response> },
    }
}

impl<F, E> Future for Answering<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            AnsweringProjection::Called { call, entry } => {
                let answered = call.poll(cx);
                if answered.is_ready() {
                    drop(entry.take());
                }
                answered
            }
            AnsweringProjection::Refused { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
        }
    }
}

impl<F> fmt::Debug for Answering<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answering")
    }
}
