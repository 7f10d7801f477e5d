//! Answers to our own callers, as `application/problem+json` (RFC 9457). They say what the caller can do, and nothing of
//! what is inside.

pub(crate) use super::A_MOMENT;
use super::Meant;
use crate::{Classify as _, Effect, Error, InvalidKey, Kind, Phase};
use axum::body::Body;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use std::convert::Infallible;
use std::time::Duration;

pub(crate) fn problem(status: StatusCode, title: &str) -> Response {
    let body = serde_json::json!({ "status": status.as_u16(), "title": title }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

pub(crate) fn later(status: StatusCode, title: &str, wait: Duration) -> Response {
    let mut response = problem(status, title);
    // A fraction of a second would be too soon.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

pub(crate) fn ours() -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "The service has made a mistake")
}

const BUSY: &str = "The service is busy";

pub(crate) fn busy(wait: Duration) -> Response {
    later(StatusCode::SERVICE_UNAVAILABLE, BUSY, wait)
}

/// What our own caller is answered: 503 where another try may succeed, with `Retry-After` where it is known when, 504 where a wait was too long,
/// 400, 409 or 422 where the request itself is at fault, and 500 where we are. The texts of our errors, which name places
/// in the source, stay inside.
///
/// ```
/// # use axum::response::IntoResponse;
/// use resil::Error;
/// use std::time::Duration;
///
/// let open = Error::CircuitOpen { name: "payments", retry_after: Some(Duration::from_millis(2500)) };
/// let response = open.into_response();
/// assert_eq!(response.status(), 503);
/// assert_eq!(response.headers()["retry-after"], "3");
/// ```
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = answer(&self);
        // It says why nothing was done, or that nobody knows.
        response.extensions_mut().insert(NotKept);
        response.extensions_mut().insert(Meant(self.verdict()));
        response
    }
}

/// Put into an answer, it is not kept by [`IdempotencyLayer`](super::IdempotencyLayer): the answer is not the last word, for
/// example because the outcome is in doubt. A repeat of the request runs the handler again.
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::IntoResponse;
/// use resil::http::NotKept;
///
/// async fn pay() -> impl IntoResponse {
///     (StatusCode::ACCEPTED, NotKept, "the partner has not answered yet")
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotKept;

impl IntoResponseParts for NotKept {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

fn answer(error: &Error) -> Response {
    match error {
        // Until an operator or the probes have decided, nobody knows.
        Error::CircuitOpen { retry_after: None, .. } => problem(StatusCode::SERVICE_UNAVAILABLE, BUSY),
        // The quota is ours and not the caller's: it is no 429.
        Error::CircuitOpen { retry_after: Some(wait), .. } | Error::RateLimited { retry_after: Some(wait), .. } => {
            busy(*wait)
        }
        Error::RateLimited { retry_after: None, .. }
        | Error::SemaphoreFull { .. }
        | Error::BulkheadFull { .. }
        | Error::BulkheadClosed { attempted: false, .. }
        | Error::Timeout { phase: Phase::Connect, .. } => busy(A_MOMENT),
        Error::DeadlineExceeded { attempted: false, .. } => {
            problem(StatusCode::GATEWAY_TIMEOUT, "There was no time left; nothing was done")
        }
        Error::Timeout { .. } | Error::DeadlineExceeded { attempted: true, .. } => {
            problem(StatusCode::GATEWAY_TIMEOUT, "The answer took too long; the outcome is unknown")
        }
        Error::InDoubt { .. } | Error::BulkheadClosed { attempted: true, .. } => {
            problem(StatusCode::GATEWAY_TIMEOUT, "The outcome is unknown")
        }
        Error::Panicked { .. } => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, "The service has made a mistake; the outcome is unknown")
        }
        Error::Transaction(error) if error.verdict().effect == Effect::Unknown => {
            problem(StatusCode::GATEWAY_TIMEOUT, "The outcome is unknown")
        }
        Error::Transaction(error) if error.verdict().kind == Kind::Transient => busy(A_MOMENT),
        Error::Once(error) => error.answer(),
        Error::Ledger(error) => error.answer(),
        Error::Outbox(error) => error.answer(),
        Error::MissingKey { .. }
        | Error::KeyReused { .. }
        | Error::InsideTransaction { .. }
        | Error::Transaction(_)
        | Error::Misconfigured(_) => ours(),
    }
}

/// Why a request has no usable `Idempotency-Key` header. As a response it is a 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRejection {
    /// There is none.
    Missing,
    /// There is more than one.
    Several,
    /// It begins with a quote and is no string of RFC 8941.
    Malformed,
    /// It is not a key.
    Invalid(InvalidKey),
}

impl std::fmt::Display for KeyRejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("this request needs an Idempotency-Key header"),
            Self::Several => f.write_str("this request has more than one Idempotency-Key header"),
            Self::Malformed => f.write_str("the Idempotency-Key header is no string in quotes"),
            Self::Invalid(InvalidKey::Length(0)) => f.write_str("the Idempotency-Key header is empty"),
            Self::Invalid(InvalidKey::Length(length)) => {
                write!(f, "the Idempotency-Key header has {length} bytes; at most 255 are allowed")
            }
            Self::Invalid(InvalidKey::Character { at }) => {
                write!(f, "byte {at} of the Idempotency-Key header is not a visible ASCII character")
            }
        }
    }
}

impl std::error::Error for KeyRejection {}

impl IntoResponse for KeyRejection {
    fn into_response(self) -> Response {
        problem(StatusCode::BAD_REQUEST, &self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Misconfiguration, Site, Verdict};
    use std::sync::Arc;

    /// Every answer of our policies, in each of its meanings.
    fn all() -> Vec<Error> {
        let (name, site, limit) = ("x", &Site::UNKNOWN, Duration::from_secs(1));
        let mut all = vec![
            Error::CircuitOpen { name, retry_after: Some(limit) },
            Error::CircuitOpen { name, retry_after: None },
            Error::SemaphoreFull { name, limit: 1, waited: limit },
            Error::RateLimited { name, retry_after: Some(limit) },
            Error::RateLimited { name, retry_after: None },
            Error::BulkheadFull { name, limit: 1, waited: limit },
            Error::Panicked { name },
            Error::MissingKey { method: "POST" },
            Error::KeyReused { differs: "path" },
            Error::InDoubt { site, verdict: Box::new(Verdict::permanent()), why: None },
            Error::Misconfigured(Arc::new(Misconfiguration::new(Vec::new()))),
        ];
        for attempted in [true, false] {
            all.push(Error::BulkheadClosed { name, attempted });
            all.push(Error::DeadlineExceeded { site, limit, attempted, cut_short: attempted });
        }
        all.extend([Phase::Connect, Phase::Read, Phase::Attempt].map(|phase| Error::Timeout { site, phase, limit }));
        all
    }

    #[tokio::test]
    async fn verdict_text_and_answer_agree() {
        for error in all() {
            let (text, effect) = (error.to_string(), error.verdict().effect);
            let response = error.clone().into_response();
            let (status, asks_again) = (response.status(), response.headers().contains_key(RETRY_AFTER));
            let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
            let says_so = [text.contains("unknown"), String::from_utf8_lossy(&body).contains("unknown")];
            assert_eq!(says_so, [effect == Effect::Unknown; 2], "{text}, {status}");
            let is_busy = status == StatusCode::SERVICE_UNAVAILABLE;
            let nobody_knows = matches!(error, Error::CircuitOpen { retry_after: None, .. });
            assert_eq!(asks_again, is_busy && !nobody_knows, "{text}");
            assert_eq!(
                text.contains("another try"),
                asks_again && matches!(error, Error::CircuitOpen { .. }),
                "{text}"
            );
            assert!(!(asks_again && effect == Effect::Unknown), "nobody is asked to repeat what is unknown: {text}");
        }
    }
}
