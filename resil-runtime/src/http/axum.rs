//! The `Idempotency-Key` header as an axum extractor, by the IETF's draft.

use super::IDEMPOTENCY_KEY;
use super::problem::KeyRejection;
use crate::{InvalidKey, RequestKey};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::HeaderMap;
use http::request::Parts;

/// The key of the header `Idempotency-Key`: a string of RFC 8941, as the IETF's draft has it, or the bare text that many
/// clients send.
pub(crate) fn key_of(headers: &HeaderMap) -> Result<RequestKey, KeyRejection> {
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
/// let service: Router = Router::new().route("/orders", post(order));
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
