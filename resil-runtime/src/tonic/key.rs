//! The idempotency key of a request, as metadata.

use super::marks::Carries;
use super::message::Message;
use crate::context::keyed::{self, KeyClaim, Target};
use crate::context::{self, Repeat};
use crate::http::IDEMPOTENCY_KEY;
use crate::{Error, IdempotencyKey};
use http::HeaderValue;
use http::request::Parts;

/// Puts the key on the request that is to carry it, and sees to it that it is on no other.
pub(super) fn prove(
    carries: &Carries,
    origin: &str,
    head: &mut Parts,
    message: &Message,
) -> Result<Option<KeyClaim>, Error> {
    let written = head
        .headers
        .get(&IDEMPOTENCY_KEY)
        .map(|value| value.to_str().ok().and_then(|written| IdempotencyKey::from_stored(written).ok()));
    let claim = match (written, carries) {
        (Some(written), _) => written.map_or(Ok(None), |key| claim(&key, origin, head, message))?,
        (None, Carries::Own(key)) => put(key, origin, head, message)?,
        (None, Carries::None | Carries::Harmless(_)) => None,
        // Of a method of gRPC nobody knows whether it is safe. So `#[retry(idempotent)]` is believed.
        (None, Carries::OfTheCall) => match (Repeat::current(), context::keyed()) {
            (Repeat::Keyed, Some(keyed)) => put(keyed.key(), origin, head, message)?,
            _ => None,
        },
    };
    keyed::account_for();
    Ok(claim)
}

fn put(key: &IdempotencyKey, origin: &str, head: &mut Parts, message: &Message) -> Result<Option<KeyClaim>, Error> {
    let claim = claim(key, origin, head, message)?;
    // A key holds visible ASCII only, which every header value may.
    let value = HeaderValue::from_str(key.as_str()).ok();
    head.headers.extend(value.map(|value| (IDEMPOTENCY_KEY, value)));
    Ok(claim)
}

fn claim(key: &IdempotencyKey, origin: &str, head: &Parts, message: &Message) -> Result<Option<KeyClaim>, Error> {
    let Some(keyed) = context::keyed() else { return Ok(None) };
    let on = Target {
        method: head.method.to_string(),
        origin: origin.to_owned(),
        path: head.uri.path().to_owned(),
        query: None,
        body: match message {
            Message::Whole(message) => Some(keyed::fingerprint(message)),
            Message::Stream(..) => None,
        },
    };
    Ok(Some(keyed.claim(key, on)?))
}
