use crate::words::words;
use std::fmt;
use std::time::Duration;

words! {
    Kind { Transient => "transient", Permanent => "permanent", Caller => "caller", Refused => "refused" }
    Effect { None => "none", Unknown => "unknown" }
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Passing trouble of the partner or the way to it: a timeout, a lost connection, HTTP 502, 503, 504.
    Transient,
    /// Broken: trying again changes nothing.
    Permanent,
    /// The request itself is wrong (HTTP 4xx). Says nothing about the partner's health.
    Caller,
    /// One of our own policies refused; nothing was attempted.
    Refused,
}

/// What the partner may have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The partner certainly did nothing.
    None,
    /// The partner may have acted.
    Unknown,
}

/// What a failure means: the one value every policy decides from.
///
/// | | retry | circuit breaker | fallback |
/// |---|---|---|---|
/// | [`Transient`](Kind::Transient) | yes; under `unsent` only with [`Effect::None`] | failure, unless it was [cut short](Self::is_cut_short) | yes |
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
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Verdict {
    /// What kind of failure it is.
    pub kind: Kind,
    /// What the partner may have done.
    pub effect: Effect,
    /// How long the partner asked us to wait (`Retry-After`).
    #[cfg_attr(feature = "serde", serde(rename = "retry_after_seconds", serialize_with = "crate::as_data::seconds"))]
    pub retry_after: Option<Duration>,
    /// The HTTP status it came from, which `retry_status` looks at.
    pub status: Option<u16>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) remarks: Remarks,
}

/// What is said of a failure beside its kind and effect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Remarks(u8);

impl Remarks {
    const NONE: Self = Self(0);
    const OURS: Self = Self(1);
    const CUT_SHORT: Self = Self(1 << 1);
    const CONCLUSIVE: Self = Self(1 << 2);
    const UNCLASSIFIED: Self = Self(1 << 3);

    const fn has(self, remark: Self) -> bool {
        self.0 & remark.0 != 0
    }
}

impl fmt::Debug for Remarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (Self::OURS, "ours"),
            (Self::CUT_SHORT, "cut short"),
            (Self::CONCLUSIVE, "conclusive"),
            (Self::UNCLASSIFIED, "unclassified"),
        ];
        f.debug_set().entries(all.into_iter().filter(|(remark, _)| self.has(*remark)).map(|(_, name)| name)).finish()
    }
}

impl Verdict {
    const fn new(kind: Kind, effect: Effect) -> Self {
        Self { kind, effect, retry_after: None, status: None, remarks: Remarks::NONE }
    }

    /// Passing trouble; the partner may have acted. Say [`unsent`](Self::unsent) where it certainly did not.
    pub const fn transient() -> Self {
        Self::new(Kind::Transient, Effect::Unknown)
    }

    /// Broken; the partner may have acted.
    pub const fn permanent() -> Self {
        Self::new(Kind::Permanent, Effect::Unknown)
    }

    /// The request itself is wrong; the partner did nothing.
    pub const fn caller() -> Self {
        Self::new(Kind::Caller, Effect::None)
    }

    /// Refused by a policy; nothing was attempted.
    pub const fn refused() -> Self {
        Self::new(Kind::Refused, Effect::None)
    }

    /// The same, with the certainty that the partner did nothing.
    pub const fn unsent(mut self) -> Self {
        self.effect = Effect::None;
        self
    }

    /// The same, on our side.
    pub const fn ours(self) -> Self {
        self.with(Remarks::OURS)
    }

    /// What is said of an error of which nothing is known.
    pub(crate) const fn unclassified() -> Self {
        Self::permanent().with(Remarks::UNCLASSIFIED)
    }

    /// The same, of an attempt that we ended before it had the time it should have had.
    pub const fn cut_short(self) -> Self {
        self.with(Remarks::CUT_SHORT)
    }

    /// The same, said for good: see [`is_conclusive`](Self::is_conclusive).
    pub const fn conclusive(self) -> Self {
        self.with(Remarks::CONCLUSIVE)
    }

    const fn with(mut self, remark: Remarks) -> Self {
        self.remarks.0 |= remark.0;
        self
    }

    /// The same, with the wait that the partner asked for.
    pub const fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// What an HTTP status means: 4xx is the caller's fault, 502, 503 and 504 pass, everything else that is asked
    /// about is broken. The partner did nothing after a 4xx, but for 408, 409 and 425: these say that the request was not
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

    /// Whether the trouble is on our side: a missing key, a misconfiguration, our own database. No partner has said
    /// anything then, and the ledger takes it for no refusal.
    pub const fn is_ours(&self) -> bool {
        self.remarks.has(Remarks::OURS)
    }

    /// Whether we ended the attempt before it had the time it should have had. The partner may have acted, and nothing is
    /// known of its health: a circuit breaker does not count it, unless it had lasted as long as a slow call.
    pub const fn is_cut_short(&self) -> bool {
        self.remarks.has(Remarks::CUT_SHORT)
    }

    /// Whether the partner has said for good that it did not act, and will not: also as the answer to a repeat, it is the
    /// truth about the first request. Only the ledger asks.
    pub const fn is_conclusive(&self) -> bool {
        self.remarks.has(Remarks::CONCLUSIVE)
    }

    /// Whether nobody has said what the error means: it is taken for permanent, for want of anything better.
    pub const fn is_unclassified(&self) -> bool {
        self.remarks.has(Remarks::UNCLASSIFIED)
    }

    /// Whether a retry that promises nothing more than idempotency may repeat it.
    pub const fn is_transient(&self) -> bool {
        matches!(self.kind, Kind::Transient)
    }
}
