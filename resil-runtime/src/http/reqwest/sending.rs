//! Sends a request, and finds out what is certain of it.

use super::super::{Error, IDEMPOTENCY_KEY, follow, verdict_of};
use super::Response;
use super::connect::Undialled;
use super::redirects::NextRequest;
use super::uploading::Uploading;
use crate::context;
use crate::context::departure::{Acts, Departure};
use crate::context::keyed::KeyClaim;
use crate::registry::{Registry, events, misconfigured};
use crate::{Classify, Effect, Kind, Verdict};
use ::reqwest::{Body, Client, Request};
use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

pub(super) async fn send(
    client: Client,
    mut request: Request,
    acts: Acts,
    claim: Option<KeyClaim>,
) -> Result<Response, Error> {
    let next = (acts == Acts::Yes && request.headers().contains_key(&IDEMPOTENCY_KEY))
        .then(|| NextRequest::after(&client, &request));
    let departure = Departure::begin(acts, request.url().authority().to_owned(), next.is_some());
    if let Some(body) = request.body_mut()
        && body.as_bytes().is_none()
    {
        let (body_of, departure) = (std::mem::take(body), Arc::clone(&departure));
        *body = Body::wrap(Uploading::new(body_of, departure, context::activity()));
    }
    let url = request.url().clone();
    let mut answer = under(&departure, client.execute(request)).await;
    if let (Ok(redirect), Some(next)) = (&answer, next)
        && redirect.status().is_redirection()
        && departure.is_redirected()
    {
        let code = redirect.status();
        let Some(request) = next.follows(redirect) else {
            return Err(Error::Redirected { code, retry_after: None });
        };
        answer = under(&departure, client.execute(request)).await;
    } else if let Ok(answer) = &answer
        && *answer.url() != url
    {
        departure.redirected();
    }
    match answer {
        Ok(answer) => {
            context::mark();
            follow(answer.status(), answer.headers());
            let answer = judge(&departure, answer)?;
            departure.is_waited_for(false);
            Ok(Response::new(answer, departure))
        }
        Err(error) => Err(lost(&departure, claim, matches!(url.scheme(), "http" | "https"), error)),
    }
}

/// Polls so that connector and redirect policy know for which request they work.
async fn under<F: Future>(departure: &Arc<Departure>, request: F) -> F::Output {
    let mut request = pin!(request);
    poll_fn(|cx| departure.enter(|| request.as_mut().poll(cx))).await
}

fn judge(departure: &Departure, answer: ::reqwest::Response) -> Result<::reqwest::Response, Error> {
    let code = answer.status();
    let Some(Verdict { retry_after, effect, .. }) = verdict_of(code, answer.headers()) else { return Ok(answer) };
    if code.is_client_error() && departure.acts() && departure.is_redirected() {
        return Err(Error::Redirected { code, retry_after });
    }
    if effect == Effect::None {
        departure.undone();
    }
    Err(Error::Status { code, retry_after })
}

fn lost(departure: &Departure, claim: Option<KeyClaim>, is_http: bool, error: ::reqwest::Error) -> Error {
    if departure.never_left() && error.is_connect() || !is_http {
        departure.undone();
        claim.into_iter().for_each(KeyClaim::give_back);
        let is_certified = !is_http || error.verdict().effect == Effect::None;
        return if is_certified {
            error.into()
        } else {
            Error::Transport(Box::new(Undialled::new(error.without_url())))
        };
    }
    if error.is_connect() && !departure.is_undialled() {
        events::connect_unproven();
        if Registry::with(crate::registry::States::is_strict) {
            return Error::Policy(misconfigured(
                "a connection failed in a client that is not of `resil::http::client()`: nothing proves that no request \
                 was sent. Build the client with `resil::http::client()`, or around your own builder with \
                 `resil::http::watch(..)`"
                    .to_owned(),
            ));
        }
    }
    // It was built before it was sent: what is said to be wrong with it is wrong with where a redirect leads.
    let is_redirected = error.is_builder() && is_http;
    if departure.acts() && (is_redirected || error.verdict().effect == Effect::None) {
        return Error::Transport(Box::new(Departed::new(error)));
    }
    error.into()
}

/// An error that claims that nothing was sent, of a request that was.
#[derive(Debug)]
pub(crate) struct Departed(::reqwest::Error);

impl Departed {
    /// Without the URL, whose query may hold a secret.
    pub(crate) fn new(error: ::reqwest::Error) -> Self {
        Self(error.without_url())
    }
}

impl Classify for Departed {
    fn verdict(&self) -> Verdict {
        let verdict = self.0.verdict();
        let kind = if verdict.kind == Kind::Caller { Kind::Permanent } else { verdict.kind };
        Verdict { kind, effect: Effect::Unknown, ..verdict }
    }
}

impl fmt::Display for Departed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was sent, and its outcome is unknown")
    }
}

impl StdError for Departed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}
