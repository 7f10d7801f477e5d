use super::super::{Error, IDEMPOTENCY_KEY};
use super::{Response, sending};
use crate::IdempotencyKey;
use crate::context::departure::Acts;
use crate::context::keyed::{self, KeyClaim, Target};
use crate::context::{self, InFlight, Repeat};
use crate::registry::events;
use ::http::Method;
use ::http::header::HeaderValue;
use ::reqwest::RequestBuilder;
use std::borrow::Borrow;
use std::future::Future;

/// The whole HTTP habit in one call, on [`reqwest::RequestBuilder`](::reqwest::RequestBuilder).
pub trait Checked: Sized {
    /// Sends the request, and takes care of the rest:
    ///
    /// - under `#[retry(idempotency_key = key)]`, and in an outbox handler, one request of the call carries the key in the
    ///   `Idempotency-Key` header; a second one that is not the same is refused before it is sent
    ///   ([`crate::Error::KeyReused`]). Requests of safe methods (GET, HEAD, OPTIONS, TRACE) carry none, and neither does
    ///   one with that header set;
    /// - under `#[retry(idempotent)]` a POST or PATCH without that header is refused before it is sent
    ///   ([`crate::Error::MissingKey`]); `#[retry(idempotent = "why repeating it is harmless")]` allows it;
    /// - the annotated call around it remembers a request whose method is not safe, until it is certain to have done
    ///   nothing: no connection was made (by a client of [`client`](super::client)), or the addressed host answered 4xx
    ///   (not 408, 409 or 425). See `#[retry]`;
    /// - by a client of [`client`](super::client), a redirect that makes a request with a key a GET is followed without the
    ///   key; one that repeats it is not ([`Error::Redirected`]). Other clients take the key along;
    /// - 4xx and 5xx become [`Error::Status`], with `Retry-After`;
    /// - where a `read` is in force, it is silent by itself: the attempt ends when this request hears nothing for so long.
    ///
    /// Dropping the future drops the request; what was sent by then may still be acted upon.
    ///
    /// # Errors
    ///
    /// [`Error::Policy`], [`Error::Transport`], [`Error::Redirected`] or [`Error::Status`].
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

    /// Carries this key instead of the call's: for the second request of a keyed call.
    ///
    /// ```no_run
    /// # use resil::http::{Checked as _, Error};
    /// # use resil::{IdempotencyKey, retry};
    /// #[retry(idempotency_key = key)]
    /// async fn buy(client: &reqwest::Client, key: &IdempotencyKey) -> Result<String, Error> {
    ///     client.post("https://partner.example/authorize").checked().await?;
    ///     let capture = client.post("https://partner.example/capture").keyed(key.step("capture"));
    ///     capture.checked().await?.text().await
    /// }
    /// ```
    fn keyed(self, key: impl Borrow<IdempotencyKey>) -> Request;

    /// Carries no key: for a request of a keyed call that may be sent again as it is.
    fn unkeyed(self) -> Request;

    /// Says that this request cannot act, whatever its method: for example a token endpoint. It carries no key, and the
    /// call does not remember it. The reason goes to the log.
    ///
    /// ```no_run
    /// # use resil::http::{Checked as _, Error};
    /// # async fn token(client: &reqwest::Client) -> Result<String, Error> {
    /// client.post("https://partner.example/token").harmless("token endpoint").checked().await?.text().await
    /// # }
    /// ```
    fn harmless(self, why: &'static str) -> Request;
}

/// A request and what was said of its key. Made by [`Checked::keyed`], [`Checked::unkeyed`] and [`Checked::harmless`].
#[must_use = "a request is sent by `checked()`"]
#[derive(Debug)]
pub struct Request {
    request: RequestBuilder,
    key: Carries,
}

/// Which key a request is to carry.
#[derive(Debug)]
enum Carries {
    OfTheCall,
    Own(IdempotencyKey),
    None,
    Harmless(&'static str),
}

impl Checked for RequestBuilder {
    fn checked(self) -> impl Future<Output = Result<Response, Error>> + Send {
        Request::of(self).checked()
    }

    fn keyed(self, key: impl Borrow<IdempotencyKey>) -> Request {
        Request::of(self).keyed(key)
    }

    fn unkeyed(self) -> Request {
        Request::of(self).unkeyed()
    }

    fn harmless(self, why: &'static str) -> Request {
        Request::of(self).harmless(why)
    }
}

impl Request {
    fn of(request: RequestBuilder) -> Self {
        Self { request, key: Carries::OfTheCall }
    }

    async fn send(self) -> Result<Response, Error> {
        let (client, request) = self.request.build_split();
        let mut request = request?;
        let acts = match &self.key {
            Carries::Harmless(why) => {
                events::harmless(why);
                Acts::Never
            }
            _ if is_safe(request.method()) => Acts::Safe,
            _ => Acts::Yes,
        };
        let claim = prove(&self.key, acts, &mut request)?;
        sending::send(client, request, acts, claim).await
    }
}

impl Checked for Request {
    fn checked(self) -> impl Future<Output = Result<Response, Error>> + Send {
        // On the heap, so that the user's own future stays small.
        Box::pin(InFlight::new(self.send()))
    }

    fn keyed(self, key: impl Borrow<IdempotencyKey>) -> Request {
        Self { key: Carries::Own(key.borrow().clone()), ..self }
    }

    fn unkeyed(self) -> Request {
        Self { key: Carries::None, ..self }
    }

    fn harmless(self, why: &'static str) -> Request {
        Self { key: Carries::Harmless(why), ..self }
    }
}

fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// Sees to it that what may be repeated can be recognised as a repetition, and that a key is on one request only.
fn prove(key: &Carries, acts: Acts, request: &mut ::reqwest::Request) -> Result<Option<KeyClaim>, Error> {
    let claim = match key {
        _ if let Some(written) = request.headers().get(&IDEMPOTENCY_KEY) => {
            let written = written.to_str().ok().and_then(|written| IdempotencyKey::from_stored(written).ok());
            written.filter(|_| acts != Acts::Safe).map_or(Ok(None), |key| claim(&key, request))?
        }
        Carries::Own(key) => put(key, request)?,
        Carries::Harmless(_) => None,
        Carries::None | Carries::OfTheCall if acts == Acts::Safe => {
            keyed::sent_safe();
            return Ok(None);
        }
        Carries::None | Carries::OfTheCall => match (Repeat::current(), context::keyed()) {
            (Repeat::Keyed, Some(keyed)) if matches!(key, Carries::OfTheCall) => put(keyed.key(), request)?,
            // A keyed retry that was never given its key.
            (Repeat::Idempotent, _) | (Repeat::Keyed, None) => match *request.method() {
                Method::POST => return Err(missing("POST")),
                Method::PATCH => return Err(missing("PATCH")),
                _ => None,
            },
            _ => None,
        },
    };
    keyed::account_for();
    Ok(claim)
}

fn missing(method: &'static str) -> Error {
    crate::Error::MissingKey { method }.into()
}

/// Puts this key on this request, if it is on no other.
fn put(key: &IdempotencyKey, request: &mut ::reqwest::Request) -> Result<Option<KeyClaim>, Error> {
    let claim = claim(key, request)?;
    // A key holds visible ASCII only, which every header value may.
    let value = HeaderValue::from_str(key.as_str()).ok();
    request.headers_mut().extend(value.map(|value| (IDEMPOTENCY_KEY, value)));
    Ok(claim)
}

/// Claims this key of a keyed call's for this request.
fn claim(key: &IdempotencyKey, request: &::reqwest::Request) -> Result<Option<KeyClaim>, Error> {
    let Some(keyed) = context::keyed() else { return Ok(None) };
    let url = request.url();
    let on = Target {
        method: request.method().to_string(),
        origin: url.origin().ascii_serialization(),
        path: url.path().to_owned(),
        query: url.query().map(str::to_owned),
        body: match request.body() {
            None => Some(keyed::fingerprint(b"")),
            Some(body) => body.as_bytes().map(keyed::fingerprint),
        },
    };
    Ok(Some(keyed.claim(key, on)?))
}
