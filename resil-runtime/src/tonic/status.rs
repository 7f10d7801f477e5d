//! What a status means: who made it, the partner or somebody on our side, and what is certain then.

use super::details::retry_delay;
use crate::failure::ConnectTimeout;
use crate::{Classify, Effect, Error, Kind, Verdict};
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;
use tonic::{Code, ConnectError, Status, TimeoutExpired};

pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// The source of a status of our channel: what is known of it, which its code does not say.
pub(crate) struct Known {
    verdict: Verdict,
    cause: Option<BoxError>,
}

impl Known {
    /// An answer of the partner's.
    pub(super) fn answer(mut status: Status, verdict: Verdict) -> Status {
        status.set_source(std::sync::Arc::new(Self { verdict, cause: None }));
        status
    }

    /// A failure of the way there and back.
    pub(super) fn transport(cause: BoxError, verdict: Verdict) -> Status {
        Status::from_error(Box::new(Self { verdict, cause: Some(cause) }))
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => cause.fmt(f),
            None => f.write_str("the partner"),
        }
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => cause.fmt(f),
            None => f.write_str("the partner answered"),
        }
    }
}

impl StdError for Known {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as _)
    }
}

/// Read from the chain of its sources, and not from its code alone: one with a source was made on our side.
///
/// [`Effect::None`] is a proof, which these have: a connection that was not made, a stream that the partner refuses
/// (`REFUSED_STREAM`) or leaves behind (`GOAWAY`) before any answer, a code that says that the caller is at fault. A channel of
/// [`resil::tonic::channel`](super::channel) proves more: it sees whether the message has left, and whether a code was sent by
/// the partner at all. `OUT_OF_RANGE` and `UNIMPLEMENTED` prove nothing: they are also what tonic says of an answer that it cannot
/// read, here or at the partner.
impl Classify for Status {
    fn verdict(&self) -> Verdict {
        if let Some(known) = self.source().and_then(of_chain) {
            return known;
        }
        let verdict = by_code(self.code(), retry_delay(self.details()));
        // Made here, of an answer that may say that it was done.
        if self.source().is_some() { Verdict { effect: Effect::Unknown, ..verdict } } else { verdict }
    }
}

/// What a code means that the partner has sent, with the wait that it asks for.
pub(super) fn by_code(code: Code, wait: Option<Duration>) -> Verdict {
    let verdict = match code {
        Code::Unavailable | Code::DeadlineExceeded => Verdict::transient(),
        // A quota that will be there again. Without a word when, it may as well be a message that is too long.
        Code::ResourceExhausted if wait.is_some() => Verdict::transient(),
        Code::ResourceExhausted | Code::Aborted | Code::AlreadyExists => {
            Verdict { effect: Effect::Unknown, ..Verdict::caller() }
        }
        Code::InvalidArgument
        | Code::NotFound
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition => Verdict::caller(),
        // A partner made with tonic passes them on when it cannot read the answer of its own partner, which has acted.
        Code::OutOfRange | Code::Unimplemented => Verdict { effect: Effect::Unknown, ..Verdict::caller() },
        Code::Ok | Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => Verdict::permanent(),
    };
    Verdict { status: http_status(code), ..verdict }.retry_after(wait.filter(|_| verdict.is_transient()))
}

/// The HTTP status that stands for it in `google.rpc.Code`, for `retry_status`.
fn http_status(code: Code) -> Option<u16> {
    Some(match code {
        Code::Ok => return None,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::Aborted | Code::AlreadyExists => 409,
        Code::ResourceExhausted => 429,
        Code::Cancelled => 499,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
    })
}

fn links<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&link: &&'a (dyn StdError + 'static)| link.source())
}

/// Of the sources of a status. Only a call fails through tonic's channel: what breaks off after the answer has begun does not.
fn of_chain(source: &(dyn StdError + 'static)) -> Option<Verdict> {
    let is_of_call = is_of_a_channel(source);
    links(source).find_map(|link| known(link, is_of_call)).or_else(|| is_of_call.then(Verdict::transient))
}

fn is_of_a_channel(error: &(dyn StdError + 'static)) -> bool {
    links(error).any(<dyn StdError>::is::<tonic::transport::Error>)
}

/// Of a call that has failed before an answer began.
pub(super) fn of_call(error: &(dyn StdError + 'static)) -> Verdict {
    let known = links(error).find_map(|link| known(link, true));
    known.unwrap_or_else(|| if is_of_a_channel(error) { Verdict::transient() } else { Verdict::unclassified() })
}

/// Of an answer that breaks off: nothing is certain any more.
pub(super) fn of_answer(error: &(dyn StdError + 'static)) -> Verdict {
    let verdict = links(error).find_map(|link| known(link, false)).unwrap_or(Verdict::transient());
    Verdict { effect: Effect::Unknown, ..verdict }
}

/// Whether it is the clock of tonic's own channel that has ended the call.
pub(super) fn is_timeout_of_tonic(error: &(dyn StdError + 'static)) -> bool {
    links(error).any(<dyn StdError>::is::<TimeoutExpired>)
}

fn known(link: &(dyn StdError + 'static), is_of_call: bool) -> Option<Verdict> {
    if let Some(known) = link.downcast_ref::<Known>() {
        return Some(known.verdict);
    }
    if let Some(error) = link.downcast_ref::<Error>() {
        return Some(error.verdict());
    }
    if link.is::<ConnectTimeout>() || link.is::<ConnectError>() {
        return Some(Verdict::transient().unsent());
    }
    if link.is::<TimeoutExpired>() {
        return Some(Verdict::transient());
    }
    if let Some(status) = link.downcast_ref::<Status>() {
        // Somebody's on the way, such as our own encoder's.
        return Some(Verdict { effect: Effect::Unknown, ..status.verdict() });
    }
    if let Some(error) = link.downcast_ref::<hyper::Error>() {
        return hyper(error);
    }
    if let Some(error) = link.downcast_ref::<h2::Error>() {
        return Some(http2(error, is_of_call));
    }
    link.is::<std::io::Error>().then(Verdict::transient)
}

fn hyper(error: &hyper::Error) -> Option<Verdict> {
    // A connection that died with the call, or before it took it up; or one that answers no PING.
    (error.is_canceled() || error.is_timeout() || error.is_closed()).then(Verdict::transient)
}

fn http2(error: &h2::Error, is_of_call: bool) -> Verdict {
    let Some(reason) = error.reason() else { return Verdict::transient() };
    // RFC 9113, 8.7: of these alone the partner says that it has processed nothing. After an answer it is a lie.
    let is_refusal = error.is_go_away() || error.is_reset() && reason == h2::Reason::REFUSED_STREAM;
    match reason {
        _ if error.is_remote() && is_refusal && is_of_call => Verdict::transient().unsent(),
        h2::Reason::REFUSED_STREAM | h2::Reason::ENHANCE_YOUR_CALM => Verdict::transient(),
        _ if error.is_remote() && error.is_go_away() => Verdict::transient(),
        // The partner has cancelled it, or one of the two has broken the protocol.
        _ => Verdict::permanent(),
    }
}

/// The same for a failure that is known to be without effect.
pub(super) fn unsent(verdict: Verdict) -> Verdict {
    let kind = if verdict.is_unclassified() { Kind::Transient } else { verdict.kind };
    Verdict { kind, effect: Effect::None, ..verdict }
}
