//! What the partner answers: a head, messages, and a status at the end. Each of its failures says that it is the partner's.

use super::details::retry_delay;
use super::status::{Known, by_code, of_answer};
use crate::context::departure::Departure;
use crate::context::{self, Activity, Hearing};
use crate::failure::HttpStatus as _;
use crate::{Effect, Verdict};
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tonic::body::Body;
use tonic::{Code, Status};

/// A head that is a failure already.
pub(super) fn of_head<B>(answer: &Response<B>, is_whole: bool) -> Option<(Status, Verdict)> {
    if let Some(status) = Status::from_header_map(answer.headers()) {
        return (status.code() != Code::Ok).then(|| of_status(status, is_whole));
    }
    // No gRPC, but whoever stands before it: its page is not looked at.
    let http = answer.status();
    if http == StatusCode::OK {
        return None;
    }
    let verdict = answer.status_verdict().unwrap_or(Verdict::permanent());
    crate::http::follow(http, answer.headers());
    let code = match http {
        StatusCode::BAD_REQUEST => Code::Internal,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::Unimplemented,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Code::Unavailable,
        _ => Code::Unknown,
    };
    Some((Status::new(code, format!("an answer of HTTP {http} without a status of gRPC")), verdict))
}

/// The partner's own status, and what it means. One in which it asks for a pause is heard by the rate limit around.
fn of_status(status: Status, is_certain: bool) -> (Status, Verdict) {
    let verdict = by_code(status.code(), retry_delay(status.details()));
    if let Some(wait) = verdict.retry_after {
        context::asked_to_pause(wait);
    }
    // It may have acted on what came before.
    let effect = if is_certain { verdict.effect } else { Effect::Unknown };
    (status, Verdict { effect, ..verdict })
}

/// What tonic reads of a partner's headers without panicking: details that are no base64 are left out.
pub(super) fn readable(headers: &mut HeaderMap) {
    if headers.get(Status::GRPC_STATUS_DETAILS).is_some_and(|details| !is_base64(details.as_bytes())) {
        headers.remove(Status::GRPC_STATUS_DETAILS);
    }
}

/// With or without its padding, and with no bits left over.
fn is_base64(text: &[u8]) -> bool {
    let digits = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
    let (digits, padding) = text.split_at(digits);
    let is_padded = padding.is_empty()
        || (digits.len() + padding.len()).is_multiple_of(4) && padding.iter().all(|byte| *byte == b'=');
    let last = digits.last().copied();
    let leaves_no_bits = match digits.len() % 4 {
        0 => padding.is_empty(),
        2 => last.is_some_and(|last| b"AQgw".contains(&last)),
        3 => last.is_some_and(|last| b"AEIMQUYcgkosw048".contains(&last)),
        _ => false,
    };
    is_padded && leaves_no_bits && digits.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
}

/// The rest of an answer, whose read clock starts anew with each frame.
pub(super) struct Answer {
    body: Body,
    departure: Arc<Departure>,
    activity: Option<Arc<Activity>>,
    hearing: Option<Hearing>,
    /// Whether the partner has all that there is, and has answered nothing yet.
    is_certain: bool,
    /// Whether its status is there.
    is_whole: bool,
}

impl Answer {
    /// What follows this head.
    pub(super) fn of(answer: Response<Body>, departure: Arc<Departure>, is_certain: bool) -> Response<Body> {
        let is_whole = answer.headers().contains_key(Status::GRPC_STATUS);
        let activity = context::activity();
        answer.map(|body| Body::new(Self { body, departure, activity, hearing: None, is_certain, is_whole }))
    }

    fn judge(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Status> {
        context::mark();
        self.departure.is_waited_for(false);
        let mut trailers = match frame.into_trailers() {
            Ok(trailers) => trailers,
            Err(frame) => {
                self.is_certain = false;
                return Ok(frame);
            }
        };
        readable(&mut trailers);
        self.is_whole |= trailers.contains_key(Status::GRPC_STATUS);
        let Some(failure) = Status::from_header_map(&trailers).filter(|status| status.code() != Code::Ok) else {
            return Ok(Frame::trailers(trailers));
        };
        let (status, verdict) = of_status(failure, self.is_certain);
        if verdict.effect == Effect::None {
            self.departure.undone();
        }
        Err(Known::answer(status, verdict))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        this.departure.is_waited_for(true);
        let hearing = this.hearing.get_or_insert_with(|| Hearing::again(this.activity.clone()));
        let frame = ready!(hearing.poll(cx, |cx| Pin::new(&mut this.body).poll_frame(cx)));
        this.hearing = None;
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(this.judge(frame)),
            Some(Err(status)) => {
                let verdict = of_answer(&status);
                Some(Err(Known::transport(status.into(), verdict)))
            }
            // A connection that goes away in the middle is taken for the end by hyper.
            None if !std::mem::replace(&mut this.is_whole, true) => {
                let status = Status::unknown("the answer broke off without a status");
                Some(Err(Known::answer(status, Verdict::transient())))
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_that_tonic_cannot_read_are_left_out() {
        let with = |details: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-status", "8".parse().unwrap());
            headers.insert("grpc-status-details-bin", details.parse().unwrap());
            readable(&mut headers);
            Status::from_header_map(&headers).unwrap()
        };
        for (details, read) in [("", &b""[..]), ("YQ", b"a"), ("YQ==", b"a"), ("YWI=", b"ab"), ("YWJj", b"abc")] {
            assert_eq!(with(details).details(), read, "{details}");
        }
        let alphabet = b"AQgwEYRZ+/=-_!% z09";
        for length in 1..=4_u32 {
            for number in 0..u32::try_from(alphabet.len()).unwrap().pow(length.min(3)) {
                let mut rest = number as usize;
                let text: String = (0..length)
                    .map(|_| {
                        let byte = alphabet[rest % alphabet.len()];
                        rest /= alphabet.len();
                        char::from(byte)
                    })
                    .collect();
                assert_eq!(with(&text).code(), Code::ResourceExhausted, "{text}"); // does not panic
            }
        }
    }
}
