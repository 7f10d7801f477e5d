//! The answers a script is made of, and what each comes to on the wire.

use std::time::{Duration, SystemTime};

use super::date::imf_fixdate;
use super::response::Response;

/// The body an answer promises where the script names none.
const PROMISED: &str = r#"{"receipt":42,"state":"paid","amount":{"cents":1999}}"#;
/// What `Answer::Garbage` sends in its stead, under the same content type.
const GARBAGE: &str = "<html><body>Bad gateway, but politely</body></html>";

/// How the partner treats one request, after having read all of it.
///
/// Nothing is done to the partner's book, except where a variant says so.
#[derive(Debug, Clone)]
#[allow(clippy::enum_variant_names, reason = "`ResetBefore` alone would not say before what")]
pub enum Answer {
    /// What the partner does without a script: accept the order, store the address, or 404.
    AsUsual,
    /// 200 with this JSON body.
    Ok(String),
    /// This status, with a small JSON body.
    Status(u16),
    /// This status, with `retry-after` in seconds.
    StatusRetryAfter(u16, u64),
    /// This status, with `retry-after` as a date. HTTP dates have whole seconds: a fraction is
    /// dropped, so the date sent can be up to a second early.
    StatusRetryAfterDate(u16, SystemTime),
    /// This status, with a small JSON body and this `location`.
    Redirect(u16, String),
    /// No answer at all; the connection stays open for as long as the client does.
    Withhold,
    /// 200 with this body, its head at once and then one byte after each `every`, until all is
    /// sent or the client leaves.
    Drip {
        /// The JSON body.
        body: String,
        /// The time before each byte.
        every: Duration,
    },
    /// The head and half of the body it promised, then a reset (RST).
    ResetMidAnswer,
    /// A reset (RST) in place of an answer.
    ResetBeforeAnswer,
    /// An orderly close (FIN) in place of an answer.
    CloseBeforeAnswer,
    /// 200 saying it is JSON, with a complete body that is not.
    Garbage,
    /// The head and half of the body it promised, then an orderly close (FIN).
    TruncatedBody,
    /// Does what it usually does (accepts the order), then resets (RST) in place of answering:
    /// the client cannot tell it from [`Answer::ResetBeforeAnswer`].
    ApplyThenLose,
    /// Does what it usually does (accepts the order), then treats the client to this answer.
    ApplyThen(Box<Answer>),
}

impl Answer {
    /// [`Answer::Ok`] from a literal.
    pub fn ok(body: impl Into<String>) -> Self {
        Self::Ok(body.into())
    }

    /// [`Answer::Drip`] from a literal.
    pub fn drip(body: impl Into<String>, every: Duration) -> Self {
        let body = body.into();
        Self::Drip { body, every }
    }

    /// [`Answer::Redirect`] from a literal.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::Redirect(status, location.into())
    }

    /// [`Answer::ApplyThen`] without the box.
    pub fn apply_then(answer: Self) -> Self {
        Self::ApplyThen(Box::new(answer))
    }

    /// What this answer comes to; `usual` applies the request to the book and says what the
    /// partner would answer. It is called once at most, however deep the answers are nested.
    pub(super) fn act(mut self, mut usual: impl FnMut() -> Response) -> Act {
        let mut applied = None;
        while let Self::ApplyThen(then) = self {
            applied.get_or_insert_with(&mut usual);
            self = *then;
        }
        match self {
            Self::AsUsual => Act::Send(applied.unwrap_or_else(usual)),
            Self::Ok(body) => Act::Send(Response::json(200, body)),
            Self::Status(status) => Act::Send(Response::status(status)),
            Self::StatusRetryAfter(status, seconds) => {
                Act::Send(Response::status(status).with("retry-after", seconds.to_string()))
            }
            Self::StatusRetryAfterDate(status, time) => {
                Act::Send(Response::status(status).with("retry-after", imf_fixdate(time)))
            }
            Self::Redirect(status, location) => Act::Send(Response::status(status).with("location", location)),
            Self::Withhold => Act::Withhold,
            Self::Drip { body, every } => Act::Drip(Response::json(200, body), every),
            Self::ResetMidAnswer => Act::Cut(Response::json(200, PROMISED), Ending::Reset),
            Self::TruncatedBody => Act::Cut(Response::json(200, PROMISED), Ending::Close),
            Self::ResetBeforeAnswer => Act::Vanish(Ending::Reset),
            Self::CloseBeforeAnswer => Act::Vanish(Ending::Close),
            Self::Garbage => Act::Send(Response::json(200, GARBAGE)),
            // The loop above has unwrapped every `ApplyThen`.
            Self::ApplyThenLose | Self::ApplyThen(_) => {
                applied.get_or_insert_with(usual);
                Act::Vanish(Ending::Reset)
            }
        }
    }
}

/// What a connection is to do with a request that has been read and, if need be, applied.
#[derive(Debug)]
pub(super) enum Act {
    /// Send the whole answer.
    Send(Response),
    /// Send the head, then a byte after each duration.
    Drip(Response, Duration),
    /// Send the head and half of the body, then end.
    Cut(Response, Ending),
    /// End without a word.
    Vanish(Ending),
    /// Say nothing until the client leaves.
    Withhold,
}

/// How the partner ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// In order, with a FIN.
    Close,
    /// Abruptly, with an RST.
    Reset,
}
