//! HTTP: a ready error type; with the `reqwest` feature the whole habit in one call, `request.checked().await?`; with the
//! `axum` feature the same habit on the other side, the `Idempotency-Key` of our own callers.

#[cfg(feature = "axum")]
pub(crate) mod axum;
mod error;
mod pause;
#[cfg(feature = "axum")]
pub(crate) mod problem;
#[cfg(feature = "reqwest")]
mod reqwest;

#[cfg(feature = "reqwest")]
pub use self::reqwest::{Checked, ConnectLayer, ConnectService, Connecting, Request, Response, client, watch};
#[cfg(feature = "reqwest")]
pub(crate) use self::reqwest::{Departed, Undialled};
#[cfg(all(feature = "axum", feature = "sqlx"))]
#[cfg_attr(docsrs, doc(cfg(all(feature = "axum", any(feature = "sqlite", feature = "postgres")))))]
pub use crate::sql::replay::{IdempotencyBuilder, IdempotencyLayer, IdempotencyService};
pub use error::{Error, Transport};
pub use pause::follow;
#[cfg(feature = "axum")]
pub use problem::{KeyRejection, NotKept};

use crate::Verdict;
use crate::failure::HttpStatus;
use ::http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// How long a caller is asked to wait where nobody knows better.
#[cfg(any(feature = "axum", feature = "tonic"))]
pub(crate) const A_MOMENT: Duration = Duration::from_secs(1);

#[cfg(any(feature = "reqwest", feature = "axum", feature = "tonic"))]
pub(crate) const IDEMPOTENCY_KEY: ::http::HeaderName = ::http::HeaderName::from_static("idempotency-key");

/// The wait a partner asks for in `Retry-After`: seconds, or an HTTP date. `None` if it cannot be read.
///
/// ```
/// # let mut headers = http::HeaderMap::new();
/// headers.insert("retry-after", "120".parse()?);
/// assert_eq!(resil::http::retry_after(&headers), Some(std::time::Duration::from_secs(120)));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

fn verdict_of(status: StatusCode, headers: &HeaderMap) -> Option<Verdict> {
    let failed = status.is_client_error() || status.is_server_error();
    failed.then(|| Verdict::status(status.as_u16()).retry_after(retry_after(headers)))
}

/// Put into an answer, what the error means that it tells of: more than its status says. A policy around the service that refused
/// knows by it that nothing has failed.
#[cfg_attr(not(feature = "axum"), allow(dead_code, reason = "only axum's answers have one"))]
#[derive(Debug, Clone, Copy)]
struct Meant(Verdict);

impl<B> HttpStatus for ::http::Response<B> {
    fn status_verdict(&self) -> Option<Verdict> {
        match self.extensions().get() {
            Some(Meant(verdict)) => Some(*verdict),
            None => verdict_of(self.status(), self.headers()),
        }
    }
}
