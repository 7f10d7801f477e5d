use std::time::Duration;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Passing trouble of the peer or the way to it: a time-out, a lost connection, HTTP 502, 503, 504.
    Transient,
    /// Broken: trying again changes nothing.
    Permanent,
    /// The request itself is wrong (HTTP 4xx). Says nothing about the peer's health.
    Caller,
    /// One of our own policies refused; nothing was attempted.
    Refused,
}

/// What the peer may have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The peer certainly did nothing.
    None,
    /// The peer may have acted.
    Unknown,
}

/// What a failure means: the one value every policy decides from.
///
/// | | retry | circuit breaker | fallback |
/// |---|---|---|---|
/// | [`Transient`](Kind::Transient) | yes; under `unsent` only with [`Effect::None`] | failure | yes |
/// | [`Permanent`](Kind::Permanent) | no | failure | yes |
/// | [`Caller`](Kind::Caller) | no, unless its status is listed in `retry_status` | not counted | never |
/// | [`Refused`](Kind::Refused) | no | not counted | yes |
///
/// ```
/// use resil::{Effect, Kind, Verdict};
///
/// assert_eq!(Verdict::status(503).kind, Kind::Transient);
/// assert_eq!(Verdict::status(404).kind, Kind::Caller);
/// assert_eq!(Verdict::transient().unsent().effect, Effect::None);
/// ```
#[must_use = "a verdict is for a policy to decide from"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// What kind of failure it is.
    pub kind: Kind,
    /// What the peer may have done.
    pub effect: Effect,
    /// How long the peer asked us to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// The HTTP status it came from, which `retry_status` looks at.
    pub status: Option<u16>,
    /// Whether the trouble is on our side: a missing key, a misconfiguration, our own database. No partner has said
    /// anything then, and the ledger takes it for no refusal.
    pub is_ours: bool,
    /// Whether nobody has said what the error means: it is taken for permanent, for want of anything better.
    pub is_unclassified: bool,
}

impl Verdict {
    const fn new(kind: Kind, effect: Effect) -> Self {
        Self { kind, effect, retry_after: None, status: None, is_ours: false, is_unclassified: false }
    }

    /// Passing trouble; the peer may have acted. Say [`unsent`](Self::unsent) where it certainly did not.
    pub const fn transient() -> Self {
        Self::new(Kind::Transient, Effect::Unknown)
    }

    /// Broken; the peer may have acted.
    pub const fn permanent() -> Self {
        Self::new(Kind::Permanent, Effect::Unknown)
    }

    /// The request itself is wrong; the peer did nothing.
    pub const fn caller() -> Self {
        Self::new(Kind::Caller, Effect::None)
    }

    /// Refused by a policy; nothing was attempted.
    pub const fn refused() -> Self {
        Self::new(Kind::Refused, Effect::None)
    }

    /// The same, with the certainty that the peer did nothing.
    pub const fn unsent(mut self) -> Self {
        self.effect = Effect::None;
        self
    }

    /// The same, on our side.
    pub const fn ours(mut self) -> Self {
        self.is_ours = true;
        self
    }

    /// What is said of an error of which nothing is known.
    pub(crate) const fn unclassified() -> Self {
        let mut verdict = Self::permanent();
        verdict.is_unclassified = true;
        verdict
    }

    /// The same, with the wait that the peer asked for.
    pub const fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// What an HTTP status means: 4xx is the caller's fault, 502, 503 and 504 pass, everything else that is asked
    /// about is broken. The peer did nothing after a 4xx, but for 408, 409 and 425: these say that the request was not
    /// read in time, or that another like it is under way or done.
    pub const fn status(code: u16) -> Self {
        let mut verdict = match code {
            400..=499 => Self::caller(),
            502..=504 => Self::transient(),
            _ => Self::permanent(),
        };
        if matches!(code, 408 | 409 | 425) {
            verdict.effect = Effect::Unknown;
        }
        verdict.status = Some(code);
        verdict
    }

    /// Whether a retry that promises nothing more than idempotency may repeat it.
    pub const fn is_transient(&self) -> bool {
        matches!(self.kind, Kind::Transient)
    }
}
