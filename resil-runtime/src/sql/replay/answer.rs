//! An answer as it is stored, and given again.

use crate::http::NotKept;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::response::Response;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::fmt::Write as _;

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// An answer as texts and a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) status: i64,
    pub(super) headers: String,
    pub(super) body: String,
}

/// Whether a repeat is to get this answer, as far as it is known before the body is read.
pub(super) fn is_kept(response: &Response, longest: usize) -> bool {
    let status = response.status();
    let passes = matches!(status.as_u16(), 408 | 409 | 422 | 425 | 429);
    // A repeat may have other headers, which are not compared: it has signed in again, for example.
    let is_about_headers = matches!(status.as_u16(), 401 | 406 | 412 | 415 | 428);
    let length = response.body().size_hint().upper();
    let fits = length.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length <= longest));
    fits && !passes
        && !is_about_headers
        && !status.is_server_error()
        && response.extensions().get::<NotKept>().is_none()
}

impl Answer {
    pub(super) fn of(parts: &Parts, body: &Bytes, chosen: &[HeaderName]) -> Self {
        // The body is none without the first two.
        let chosen = |(name, _): &(&HeaderName, &HeaderValue)| {
            [CONTENT_TYPE, CONTENT_ENCODING].contains(name) || chosen.contains(name)
        };
        let headers = parts.headers.iter().filter(chosen).map(|(name, value)| (name.clone(), value.clone()));
        Self { status: parts.status, headers: headers.collect(), body: body.clone() }
    }

    pub(super) fn replay(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        response
    }

    pub(super) fn write(&self) -> Written {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), text(value.as_bytes()))).collect();
        let headers = serde_json::to_string(&headers).unwrap_or_default();
        Written { status: self.status.as_u16().into(), headers, body: text(&self.body) }
    }

    /// `None` for what no version of this program has written.
    pub(super) fn read(written: &Written) -> Option<Self> {
        let status = u16::try_from(written.status).ok().and_then(|status| StatusCode::from_u16(status).ok())?;
        let all: Vec<(String, String)> = serde_json::from_str(&written.headers).ok()?;
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(bytes(&value)?).ok()?);
        }
        Some(Self { status, headers, body: bytes(&written.body)?.into() })
    }
}

/// Bytes as a text that every database takes: as they are if they are one, which people can read, else in hexadecimal.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => format!("t{text}"),
        _ => bytes.iter().fold("x".to_owned(), |mut text, byte| {
            _ = write!(text, "{byte:02x}");
            text
        }),
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    match text.split_at_checked(1)? {
        ("t", text) => Some(text.as_bytes().to_vec()),
        ("x", digits) => {
            let pairs = digits.as_bytes().chunks(2);
            pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(status: u16, headers: &[(&'static str, &[u8])], body: Vec<u8>) -> Answer {
        let header = |(name, value): &(&'static str, &[u8])| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())
        };
        let (status, headers) = (StatusCode::from_u16(status).unwrap(), headers.iter().map(header).collect());
        Answer { status, headers, body: body.into() }
    }

    proptest! {
        #[test]
        fn an_answer_is_given_again_to_the_byte(
            status in 100_u16..1000,
            first in proptest::collection::vec(0x80_u8..=0xff, 0..8),
            second in "[ -~]{0,8}",
            body in prop_oneof![proptest::collection::vec(any::<u8>(), 0..64), ".*".prop_map(String::into_bytes)],
        ) {
            let answer = answer(status, &[("link", &first), ("link", second.as_bytes()), ("etag", b"\"1\"")], body);
            let written = answer.write();
            prop_assert!(!written.body.contains('\0') && !written.headers.contains('\0'));
            prop_assert_eq!(Answer::read(&written), Some(answer));
        }

        #[test]
        fn whatever_stands_in_the_table_is_an_answer_or_none(status in any::<i64>(), headers in ".*", body in ".*") {
            _ = Answer::read(&Written { status, headers, body });
        }
    }

    #[test]
    fn a_body_keeps_what_it_cannot_be_read_without() {
        let response = Response::builder().header("content-encoding", "br").header("content-type", "a/b");
        let (parts, body) =
            response.header("etag", "1").header("date", "now").body(Bytes::from("x")).unwrap().into_parts();
        let kept = |chosen: &[HeaderName]| Answer::of(&parts, &body, chosen).replay().headers().len();
        assert_eq!((kept(&[]), kept(&[http::header::ETAG])), (3, 4), "and that it is given again");
    }

    #[test]
    fn what_is_not_the_last_word_is_not_kept() {
        let of = |status: u16, body: Body| {
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
        };
        for status in [200, 201, 202, 204, 301, 400, 402, 403, 404, 410] {
            assert!(is_kept(&of(status, Body::from("1234")), 4), "{status}");
        }
        for status in [401, 406, 408, 409, 412, 415, 422, 425, 428, 429, 500, 502, 503, 504, 599] {
            assert!(!is_kept(&of(status, Body::from("1234")), 4), "{status}");
        }
        assert!(!is_kept(&of(200, Body::from("12345")), 4), "too long");
        let stream = futures_util::stream::once(async { Ok::<_, std::io::Error>("1") });
        assert!(!is_kept(&of(200, Body::from_stream(stream)), 4), "of no known length");
        let mut doubtful = of(202, Body::empty());
        doubtful.extensions_mut().insert(NotKept);
        assert!(!is_kept(&doubtful, 4));
    }
}
