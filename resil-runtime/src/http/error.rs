use crate::{Classify, Effect, Verdict};
use http::StatusCode;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// A failure of the way to the partner and back, from any HTTP client.
pub type Transport = Box<dyn StdError + Send + Sync>;

/// A ready error type for functions that call an HTTP API.
///
/// ```
/// use resil::http::Error;
/// use resil::{Classify, Kind};
///
/// let error = Error::Status { code: http::StatusCode::BAD_GATEWAY, retry_after: None };
/// assert_eq!(error.verdict().kind, Kind::Transient);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A policy of ours refused the call, or cut it short.
    Policy(crate::Error),
    /// No answer arrived. Its verdict says whether the request was sent.
    Transport(Transport),
    /// The partner answered 4xx or 5xx.
    Status {
        /// The status.
        code: StatusCode,
        /// How long the partner asked us to wait.
        retry_after: Option<Duration>,
    },
    /// The partner redirected a request that may act, and what came of it is not known: the redirect led to a 4xx, or was not
    /// followed because it would have repeated the request under its idempotency key at another address.
    Redirected {
        /// The last status: of where the redirect led, or of the redirect.
        code: StatusCode,
        /// How long the partner asked us to wait.
        retry_after: Option<Duration>,
    },
    /// An answer arrived and cannot be decoded. What it answers has happened.
    Body(Transport),
}

impl Classify for Error {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Policy(error) => error.verdict(),
            Self::Transport(error) => error.verdict(),
            Self::Status { code, retry_after } => Verdict::status(code.as_u16()).retry_after(*retry_after),
            Self::Redirected { code, retry_after } => {
                let verdict = Verdict::status(code.as_u16()).retry_after(*retry_after);
                Verdict { effect: Effect::Unknown, ..verdict }
            }
            Self::Body(_) => Verdict::permanent(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(error) => error.fmt(f),
            Self::Transport(error) => write!(f, "no answer: {}", Chain(&**error)),
            Self::Status { code, retry_after: None } => write!(f, "the partner answered {code}"),
            Self::Status { code, retry_after: Some(wait) } => {
                write!(f, "the partner answered {code} and asks for a pause of {wait:?}")
            }
            Self::Redirected { code, .. } => {
                write!(f, "the partner redirected the request, which ended with {code}: the outcome is unknown")
            }
            Self::Body(error) => write!(f, "the answer cannot be decoded: {}", Chain(&**error)),
        }
    }
}

/// An error with its sources on one line; hyper's outermost one says little.
struct Chain<'a>(&'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut link = self.0.source();
        while let Some(source) = link {
            write!(f, ": {source}")?;
            link = source.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Policy(error) => Some(error),
            Self::Transport(error) | Self::Body(error) => Some(&**error),
            Self::Status { .. } | Self::Redirected { .. } => None,
        }
    }
}

impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Self {
        Self::Policy(error)
    }
}

#[cfg(feature = "reqwest")]
impl From<reqwest::Error> for Error {
    /// Drops the URL, whose query may hold a secret.
    fn from(error: reqwest::Error) -> Self {
        // Where a redirect led to can be told by the URL alone.
        let is_sent = error.is_builder() && error.verdict().effect == Effect::Unknown;
        let error = error.without_url();
        if is_sent {
            return Self::Transport(Box::new(super::Departed::new(error)));
        }
        if let Some(code) = error.status() {
            return Self::Status { code, retry_after: None };
        }
        // A body that breaks off is undecodable too, says reqwest; its sources know better.
        let undecodable = error.is_decode() && error.verdict().kind == crate::Kind::Permanent;
        if undecodable { Self::Body(error.into()) } else { Self::Transport(error.into()) }
    }
}
