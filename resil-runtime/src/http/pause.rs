//! The pause that an answer asks for: `Retry-After`, and the IETF's draft of `RateLimit`.

use super::retry_after;
use crate::context;
use http::{HeaderMap, StatusCode};
use std::time::Duration;

/// What a quota that is used up can ask for at most.
const LONGEST: Duration = Duration::from_secs(60);

/// Lets the rate limit around this call keep the pause that an answer asks for. `checked()` does it by itself; call it where
/// another client has an answer, within the annotated function.
///
/// `Retry-After` counts on 429 and 503. Else `RateLimit: "default";r=0;t=5`, of the IETF's draft, says on any answer that a quota
/// is used up, and for how many seconds: at most 60. What cannot be read asks for nothing, and without a rate limit around
/// this does nothing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use http::{HeaderMap, StatusCode};
/// use resil::{Error, rate_limit};
///
/// #[rate_limit("100/s")]
/// async fn quote(status: StatusCode, headers: &HeaderMap) -> Result<(), Error> {
///     // after the answer
///     resil::http::follow(status, headers);
///     Ok(())
/// }
///
/// # let mut headers = HeaderMap::new();
/// headers.insert("retry-after", "2".parse().unwrap());
/// assert!(quote(StatusCode::TOO_MANY_REQUESTS, &headers).await.is_ok());
/// assert!(quote(StatusCode::OK, &HeaderMap::new()).await.is_err(), "for two seconds");
/// # }
/// ```
pub fn follow(status: StatusCode, headers: &HeaderMap) {
    if let Some(wait) = pause(status, headers) {
        context::asked_to_pause(wait);
    }
}

fn pause(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let is_refusal = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    is_refusal.then(|| retry_after(headers)).flatten().or_else(|| used_up(headers))
}

/// The longest time that a used up quota says it takes.
fn used_up(headers: &HeaderMap) -> Option<Duration> {
    let mut longest = None;
    for value in headers.get_all("ratelimit") {
        let mut rest = value.to_str().ok()?.trim();
        loop {
            let (quota, after) = Quota::read(rest)?;
            if quota.remaining == 0 {
                longest = longest.max(quota.seconds);
            }
            match after.trim_start().strip_prefix(',') {
                Some(next) => rest = next.trim_start(),
                None if after.trim_start().is_empty() => break,
                None => return None,
            }
        }
    }
    longest.map(|seconds| Duration::from_secs(seconds).min(LONGEST))
}

/// `"default";r=0;t=5`, an item of a list of RFC 9651.
struct Quota {
    remaining: u64,
    seconds: Option<u64>,
}

impl Quota {
    fn read(text: &str) -> Option<(Self, &str)> {
        let mut rest = quoted(text)?;
        let (mut remaining, mut seconds) = (None, None);
        while let Some(parameter) = rest.strip_prefix(';') {
            let parameter = parameter.trim_start();
            let (name, after) =
                split(parameter, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c));
            if name.is_empty() {
                return None;
            }
            let Some(value) = after.strip_prefix('=') else {
                rest = after;
                continue;
            };
            rest = if value.starts_with('"') { quoted(value)? } else { split(value, |c| !",; \t\"".contains(c)).1 };
            let value = &value[..value.len() - rest.len()];
            match name {
                "r" => remaining = Some(number(value)?),
                "t" => seconds = Some(number(value)?),
                _ if value.is_empty() => return None,
                _ => {}
            }
        }
        Some((Self { remaining: remaining?, seconds }, rest))
    }
}

/// What comes after a string.
fn quoted(text: &str) -> Option<&str> {
    let mut characters = text.strip_prefix('"')?.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return text.get(at + 2..),
            '\\' => _ = characters.next().filter(|(_, escaped)| matches!(escaped, '"' | '\\'))?,
            _ => {}
        }
    }
    None
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// An integer of at most 15 digits that is not negative.
fn number(text: &str) -> Option<u64> {
    let is_number = text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(status: u16, fields: &[(&'static str, &str)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        pause(StatusCode::from_u16(status).unwrap(), &headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_counts_on_429_and_503() {
        assert_eq!(asks(429, &[("retry-after", "2")]), Some(2));
        assert_eq!(asks(503, &[("retry-after", "3600")]), Some(3600), "each limit cuts it");
        assert_eq!(asks(500, &[("retry-after", "2")]), None);
        assert_eq!(asks(301, &[("retry-after", "2")]), None);
        assert_eq!(asks(429, &[("retry-after", "soon")]), None);
        assert_eq!(asks(429, &[("retry-after", "2"), ("ratelimit", "\"a\";r=0;t=9")]), Some(2), "it wins");
        assert_eq!(asks(429, &[("retry-after", "soon"), ("ratelimit", "\"a\";r=0;t=9")]), Some(9));
    }

    #[test]
    fn a_quota_that_is_used_up_asks_for_a_pause_on_any_answer() {
        assert_eq!(asks(200, &[("ratelimit", "\"default\";r=0;t=5")]), Some(5));
        assert_eq!(asks(200, &[("ratelimit", "\"default\";r=1;t=5")]), None);
        assert_eq!(asks(200, &[("ratelimit", "\"default\";r=0")]), None, "nobody knows how long");
        assert_eq!(asks(200, &[("ratelimit", "\"default\";r=0;t=3600")]), Some(60));
        assert_eq!(asks(200, &[("ratelimit", "\"a\";r=9;t=1, \"b\" ;r=0")]), None);
        assert_eq!(asks(200, &[("ratelimit", "\"a\";r=0;t=1,\"b\";r=0;t=7;pk=:dGVzdA==:")]), Some(7));
        assert_eq!(asks(200, &[("ratelimit", "\"a\";r=0;t=1"), ("ratelimit", "\"b\";r=0;t=8")]), Some(8));
        assert_eq!(asks(200, &[("ratelimit", "\"a;r=1,\\\"\"; r=0; t=4; x; y=\"z;,\"")]), Some(4));
    }

    #[test]
    fn what_cannot_be_read_asks_for_nothing() {
        for field in [
            "",
            "limit=100, remaining=0, reset=5",
            "r=0;t=5",
            "\"a\"",
            "\"a\";t=5",
            "\"a\";r=;t=5",
            "\"a\";r=0;t=",
            "\"a\";r=-0;t=5",
            "\"a\";r=0;t=-5",
            "\"a\";r=0;t=5.5",
            "\"a\";r=0;t=soon",
            "\"a\";r=0;t=1234567890123456",
            "\"a\";r=0;t=5,",
            "\"a\";r=0;t=5,,\"b\";r=0;t=5",
            "\"a\";r=0;t=5 \"b\"",
            "\"a;r=0;t=5",
            "\"a\\",
            "\"a\";",
            "\"a\";r=0;t=5;",
            "\"a\";R=0;t=5",
        ] {
            assert_eq!(asks(429, &[("ratelimit", field)]), None, "{field}");
        }
    }
}
