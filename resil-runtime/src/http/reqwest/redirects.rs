//! Redirects: each is an answer, after which nothing of the request is certain.

use crate::context::{self, departure};
use ::http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
};
use ::http::{Method, StatusCode};
use ::reqwest::redirect::Policy;
use ::reqwest::{Client, Request, Response, Url};
use std::time::Duration;

/// A policy that takes note of each redirect. reqwest asks it while it polls the request.
pub(super) fn watched(policy: Policy) -> Policy {
    // There is nothing to note where none is followed, which a policy tells in its `Debug` only.
    if format!("{policy:?}") == "Policy(None)" {
        return policy;
    }
    Policy::custom(move |attempt| match departure::current() {
        Some(departure) => {
            context::mark();
            let stops = departure.stops_at_redirects();
            departure.redirected();
            if stops { attempt.stop() } else { policy.redirect(attempt) }
        }
        None => {
            context::sent();
            policy.redirect(attempt)
        }
    })
}

/// The request after one that carries a key: the key stays behind.
pub(super) struct NextRequest {
    client: Client,
    from: Url,
    method: Method,
    headers: HeaderMap,
    timeout: Option<Duration>,
}

impl NextRequest {
    pub(super) fn after(client: &Client, request: &Request) -> Self {
        let mut headers = request.headers().clone();
        for name in [CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, super::super::IDEMPOTENCY_KEY] {
            headers.remove(name);
        }
        Self {
            client: client.clone(),
            from: request.url().clone(),
            method: request.method().clone(),
            headers,
            timeout: request.timeout().copied(),
        }
    }

    /// Where the answer to a request with a key leads, if it may be followed: to something to read. Another POST under the
    /// same key, to an address that nobody has seen, is not sent.
    pub(super) fn follows(mut self, answer: &Response) -> Option<Request> {
        let reads = match answer.status() {
            StatusCode::SEE_OTHER => true,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        };
        let location = answer.headers().get(LOCATION)?.to_str().ok()?;
        let to = self.from.join(location).ok().filter(|to| reads && matches!(to.scheme(), "http" | "https"))?;
        if to.origin() != self.from.origin() {
            for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                self.headers.remove(name);
            }
        }
        let mut request = self.client.get(to).headers(self.headers).build().ok()?;
        *request.timeout_mut() = self.timeout;
        Some(request)
    }
}
