//! The reqwest adapter.

use super::{Error, IDEMPOTENCY_KEY, verdict_of};
use crate::Verdict;
use crate::context::{self, Activity, Repeat};
use crate::failure::{ConnectTimeout, HttpStatus};
use crate::policy::dial::Dial;
use crate::registry::{Registry, States};
use ::http::header::HeaderValue;
use ::http::{HeaderMap, Method, StatusCode};
use ::reqwest::{Body, ClientBuilder, RequestBuilder};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use serde::de::DeserializeOwned;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// A reqwest client builder whose connections obey the `connect` bound of the annotated function that needs them.
///
/// ```
/// let client = resil::http::client().user_agent("shop/1.0").build()?;
/// # Ok::<(), reqwest::Error>(())
/// ```
pub fn client() -> ClientBuilder {
    ClientBuilder::new().connector_layer(ConnectLayer::new())
}

/// Bounds connections; for a client builder you already have: `builder.connector_layer(ConnectLayer::new())`.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ConnectLayer;

impl ConnectLayer {
    /// The layer. It counts as an adapter from now on: a `connect` bound no longer warns.
    #[expect(clippy::new_without_default, reason = "making one has an effect")]
    pub fn new() -> Self {
        Registry::with(States::dials_are_bounded);
        Self
    }
}

impl<S> Layer<S> for ConnectLayer {
    type Service = ConnectService<S>;

    fn layer(&self, connector: S) -> ConnectService<S> {
        ConnectService { connector }
    }
}

/// A connector under [`ConnectLayer`].
#[derive(Debug, Clone)]
pub struct ConnectService<S> {
    connector: S,
}

impl<S, R> Service<R> for ConnectService<S>
where
    S: Service<R>,
    S::Error: From<ConnectTimeout>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Dial<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        Dial::new(self.connector.call(destination))
    }
}

/// The whole HTTP habit in one call, on [`reqwest::RequestBuilder`](::reqwest::RequestBuilder).
pub trait Checked {
    /// Sends the request the way a careful person would:
    ///
    /// - under `#[retry(idempotency_key = key)]` it carries the key in the `Idempotency-Key` header, unless you set
    ///   that header yourself;
    /// - under `#[retry(idempotent)]` a POST or PATCH without that header is refused before it is sent
    ///   ([`crate::Error::MissingKey`]); `#[retry(idempotent = "why repeating it is harmless")]` allows it;
    /// - 4xx and 5xx become [`Error::Status`], with `Retry-After`;
    /// - what arrives restarts the attempt's read clock.
    ///
    /// Dropping the future drops the request; what was sent by then may still be acted upon.
    ///
    /// # Errors
    ///
    /// [`Error::Policy`], [`Error::Transport`] or [`Error::Status`].
    ///
    /// ```no_run
    /// use resil::http::{Checked as _, Error};
    /// use resil::{retry, timeout};
    ///
    /// #[retry(idempotent)]
    /// #[timeout("10s", connect = "2s", read = "5s")]
    /// async fn greeting(client: &reqwest::Client) -> Result<String, Error> {
    ///     client.get("https://partner.example/greeting").checked().await?.text().await
    /// }
    /// ```
    fn checked(self) -> impl Future<Output = Result<Response, Error>> + Send;
}

impl Checked for RequestBuilder {
    async fn checked(self) -> Result<Response, Error> {
        let (client, request) = self.build_split();
        let mut request = request?;
        let method = request.method().clone();
        prove(&method, request.headers_mut())?;
        if let Some(body) = request.body_mut()
            && body.as_bytes().is_none()
            && let Some(activity) = context::activity()
        {
            *body = Body::wrap(Uploading { body: std::mem::take(body), activity });
        }
        let response = client.execute(request).await?;
        context::mark();
        match verdict_of(response.status(), response.headers()) {
            None => Ok(Response(response)),
            Some(verdict) => Err(Error::Status { code: response.status(), retry_after: verdict.retry_after }),
        }
    }
}

/// Sees to it that what may be repeated can be recognised as a repetition.
fn prove(method: &Method, headers: &mut HeaderMap) -> Result<(), Error> {
    if headers.contains_key(&IDEMPOTENCY_KEY) {
        return Ok(());
    }
    match Repeat::current() {
        Repeat::Idempotent if *method == Method::POST => Err(crate::Error::MissingKey { method: "POST" }.into()),
        Repeat::Idempotent if *method == Method::PATCH => Err(crate::Error::MissingKey { method: "PATCH" }.into()),
        Repeat::Keyed => {
            // A key holds visible ASCII only, which every header value may.
            let value = context::key().and_then(|key| HeaderValue::from_str(key.as_str()).ok());
            headers.extend(value.map(|value| (IDEMPOTENCY_KEY, value)));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A request body whose chunks restart the read clock: the connection's own task asks for them.
struct Uploading {
    body: Body,
    activity: Arc<Activity>,
}

impl http_body::Body for Uploading {
    type Data = Bytes;
    type Error = ::reqwest::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.activity.mark();
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

/// An answer below 400, whose body restarts the attempt's read clock with each chunk.
#[derive(Debug)]
pub struct Response(::reqwest::Response);

impl Response {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// The next chunk of the body; `None` at its end.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] if the connection is lost.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let chunk = self.0.chunk().await.map_err(lost)?;
        context::mark();
        Ok(chunk)
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] if the connection is lost half way.
    pub async fn bytes(mut self) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }

    /// The whole body as UTF-8; what is not UTF-8 is replaced.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.bytes().await?).into_owned())
    }

    /// The whole body, decoded from JSON.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and [`Error::Body`] if it is not the JSON asked for. The text is not repeated.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let whole = self.bytes().await?;
        serde_json::from_slice(&whole).map_err(|error| {
            // The error's own text quotes the body, which may hold what no log should.
            let (kind, line, column) = (error.classify(), error.line(), error.column());
            Error::Body(format!("not the JSON asked for ({kind:?} error at line {line}, column {column})").into())
        })
    }

    /// The plain reqwest response, whose body no longer restarts the read clock.
    pub fn into_inner(self) -> ::reqwest::Response {
        self.0
    }
}

/// A body that breaks off is a lost connection, whatever reqwest calls it.
fn lost(error: ::reqwest::Error) -> Error {
    Error::Transport(Box::new(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, error.without_url())))
}

impl HttpStatus for ::reqwest::Response {
    fn status_verdict(&self) -> Option<Verdict> {
        verdict_of(self.status(), self.headers())
    }
}
