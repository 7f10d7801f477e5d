use super::{Classify, Verdict};
use crate::sql::{LedgerError, OnceError, OutboxError};
use crate::words::words;
use crate::{Began, Site, TransactionError};
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// Which wait was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Waiting for a connection. Nothing was sent.
    Connect,
    /// Silence on an established connection: the partner may have acted.
    Read,
    /// The whole attempt: the partner may have acted.
    Attempt,
}

words! {
    Phase { Connect => "connect", Read => "read", Attempt => "attempt" }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a policy answers instead of the call's own result.
///
/// Your error type holds it through `From<resil::Error>`. It never allocates on the refusal path, and its `Display`
/// escapes names, which are data.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The circuit is open: nothing was attempted.
    CircuitOpen {
        /// The breaker's name, or its call site if it has none.
        name: &'static str,
        /// When the next call has a chance; `None` where nobody knows, in half-open or forced open.
        retry_after: Option<Duration>,
    },
    /// As many calls as the semaphore allows are running: nothing was attempted.
    SemaphoreFull {
        /// The semaphore's name, or its call site if it has none.
        name: &'static str,
        /// How many calls it allows at a time.
        limit: u32,
        /// How long this one waited for a permit.
        waited: Duration,
    },
    /// As many calls as the rate limit allows have begun, or the partner has asked for a pause: nothing was attempted.
    RateLimited {
        /// The rate limit's name, or its call site if it has none.
        name: &'static str,
        /// When the next call has a chance; `None` where nobody knows.
        retry_after: Option<Duration>,
    },
    /// As many calls as the bulkhead allows are running, or all its threads were held: nothing was attempted.
    BulkheadFull {
        /// The bulkhead's name, or its call site if it has none.
        name: &'static str,
        /// How many calls it allows at a time.
        limit: u32,
        /// How long this one waited in the queue, and for a thread.
        waited: Duration,
    },
    /// The bulkhead was shut down. Nothing was attempted, unless it was cut off.
    BulkheadClosed {
        /// The bulkhead's name, or its call site if it has none.
        name: &'static str,
        /// Whether the call had begun, whose outcome is then unknown.
        attempted: bool,
    },
    /// The body panicked in its bulkhead, whose threads go on. The panic's own message went to the panic hook.
    Panicked {
        /// The bulkhead's name, or its call site if it has none.
        name: &'static str,
    },
    /// A bound of `#[timeout]` passed. After [`Phase::Read`] and [`Phase::Attempt`] the outcome is *unknown*: check,
    /// compensate, reconcile.
    Timeout {
        /// The function whose bound it was.
        site: &'static Site,
        /// Which wait was too long.
        phase: Phase,
        /// The bound that passed.
        limit: Duration,
    },
    /// The bound of `#[deadline]` over all attempts and waits passed.
    DeadlineExceeded {
        /// The function that set the deadline, possibly a caller further up.
        site: &'static Site,
        /// The bound that passed.
        limit: Duration,
        /// Whether an attempt was under way, whose outcome is then unknown. If not, nothing was attempted.
        attempted: bool,
        /// Whether that attempt had less time than its own `#[timeout]` gives, or a second without one. Then its partner
        /// may be in good health, and no circuit breaker counts it.
        cut_short: bool,
    },
    /// A POST or PATCH under `#[retry(idempotent)]` has no idempotency key. Nothing was sent.
    MissingKey {
        /// The request's method.
        method: &'static str,
    },
    /// A second request under one idempotency key differs from the first. It was not sent.
    ///
    /// One key is one request: a partner that knows the key would answer with what it answered before, or refuse. Give
    /// the second a key of its own, `.keyed(key.step("capture"))`, or none, `.unkeyed()`.
    KeyReused {
        /// In what: `method`, `origin`, `path`, `query` or `body`.
        differs: &'static str,
    },
    /// A call under an idempotency key failed without effect in its last attempt, and an earlier one may have been
    /// applied. The outcome is *unknown*: check, compensate, reconcile.
    InDoubt {
        /// The function.
        site: &'static Site,
        /// What the last failure means for the whole call: its effect is unknown.
        verdict: Box<Verdict>,
        /// The text of the last failure, if it has one.
        why: Option<Arc<str>>,
    },
    /// An external call while its caller holds a transaction or a connection: nothing was sent. Make the call before or
    /// after the transaction.
    InsideTransaction {
        /// The function that makes the external call.
        site: &'static Site,
        /// Where it was called, and what was held there.
        place: Arc<Inside>,
    },
    /// A transaction could not begin or commit, or a second connection was asked for while one is held.
    Transaction(Arc<TransactionError>),
    /// A request that is to run once was not run, or its outcome cannot be given again. Without a database, never.
    Once(Arc<OnceError>),
    /// The ledger refuses, or cannot read what it holds. Without a database, never.
    Ledger(Arc<LedgerError>),
    /// A message was not recorded, or cannot be read. Without a database, never.
    Outbox(Arc<OutboxError>),
    /// Policies contradict each other, or a setting is out of range. Nothing was sent. `resil::check()` finds these
    /// at start.
    Misconfigured(Arc<Misconfiguration>),
}

/// Where an external call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// The line that made the call.
    pub called_at: &'static Location<'static>,
    /// What was held, and since where.
    pub began: Began,
}

impl Error {
    pub(crate) fn inside(site: &'static Site, called_at: &'static Location<'static>, began: Began) -> Self {
        Self::InsideTransaction { site, place: Arc::new(Inside { called_at, began }) }
    }

    /// When a caller of ours may try again, if anybody knows.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::CircuitOpen { retry_after, .. } | Self::RateLimited { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Classify for Error {
    fn verdict(&self) -> Verdict {
        match self {
            Self::CircuitOpen { retry_after, .. } | Self::RateLimited { retry_after, .. } => {
                Verdict::refused().retry_after(*retry_after)
            }
            Self::SemaphoreFull { .. }
            | Self::BulkheadFull { .. }
            | Self::BulkheadClosed { attempted: false, .. }
            | Self::DeadlineExceeded { attempted: false, .. } => Verdict::refused(),
            Self::BulkheadClosed { attempted: true, .. } | Self::Panicked { .. } => Verdict::permanent(),
            Self::Timeout { phase: Phase::Connect, .. } => Verdict::transient().unsent(),
            Self::Timeout { .. } | Self::DeadlineExceeded { attempted: true, cut_short: false, .. } => {
                Verdict::transient()
            }
            Self::DeadlineExceeded { attempted: true, cut_short: true, .. } => Verdict::transient().cut_short(),
            Self::InDoubt { verdict, .. } => **verdict,
            Self::Transaction(error) => error.verdict().ours(),
            Self::Once(error) => error.verdict(),
            Self::Ledger(error) => error.verdict().ours(),
            Self::Outbox(error) => error.verdict().ours(),
            Self::MissingKey { .. }
            | Self::KeyReused { .. }
            | Self::InsideTransaction { .. }
            | Self::Misconfigured(_) => Verdict::caller().ours(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CircuitOpen { name, retry_after } => {
                write!(f, "circuit breaker `{}` is open: not called", name.escape_debug())?;
                retry_after.map_or(Ok(()), |wait| write!(f, ", worth another try in {wait:.1?}"))
            }
            Self::SemaphoreFull { name, limit, waited: Duration::ZERO } => {
                write!(f, "semaphore `{}` is full, {limit} calls are running: not called", name.escape_debug())
            }
            Self::SemaphoreFull { name, limit, waited } => write!(
                f,
                "semaphore `{}` is full, {limit} calls are running: not called after a wait of {waited:.1?}",
                name.escape_debug()
            ),
            Self::RateLimited { name, retry_after } => {
                write!(f, "rate limit `{}` is used up: not called", name.escape_debug())?;
                retry_after.map_or(Ok(()), |wait| write!(f, ", the next call may begin in {wait:.1?}"))
            }
            Self::BulkheadFull { name, limit, waited } => write!(
                f,
                "bulkhead `{}` is full, {limit} calls may run: not called after a wait of {waited:.1?}",
                name.escape_debug()
            ),
            Self::BulkheadClosed { name, attempted: false } => {
                write!(f, "bulkhead `{}` was shut down: not called", name.escape_debug())
            }
            Self::BulkheadClosed { name, attempted: true } => {
                write!(f, "bulkhead `{}` was shut down during an attempt: the outcome is unknown", name.escape_debug())
            }
            Self::Panicked { name } => {
                write!(f, "the call panicked in bulkhead `{}`: the outcome is unknown", name.escape_debug())
            }
            Self::Timeout { site, phase: Phase::Connect, limit } => {
                write!(f, "no connection within {limit:?} in {site}: nothing was sent")
            }
            Self::Timeout { site, phase, limit } => {
                write!(f, "{phase} timeout of {limit:?} in {site}: the outcome is unknown")
            }
            Self::DeadlineExceeded { site, limit, attempted: true, .. } => {
                write!(f, "deadline of {limit:?} set by {site} passed during an attempt: the outcome is unknown")
            }
            Self::DeadlineExceeded { site, limit, attempted: false, .. } => {
                write!(f, "deadline of {limit:?} set by {site} had passed: not called")
            }
            Self::MissingKey { method } => write!(
                f,
                "{method} under `#[retry(idempotent)]` without an idempotency key: not sent. Write \
                 `#[retry(idempotency_key = key)]`, or `#[retry(idempotent = \"why repeating it is harmless\")]`"
            ),
            Self::KeyReused { differs } => write!(
                f,
                "a second request under one idempotency key has another {differs}: not sent. Write \
                 `.keyed(key.step(\"capture\"))` before `.checked()` for a key of its own, or `.unkeyed()` for none"
            ),
            Self::InDoubt { site, why, .. } => {
                write!(f, "an earlier attempt of {site} may have been applied: the outcome is unknown")?;
                why.as_ref().map_or(Ok(()), |why| write!(f, ". The last attempt: {}", why.escape_debug()))
            }
            Self::InsideTransaction { site, place } => write!(
                f,
                "{site} was called at {} inside {}: not sent. Call it before the transaction, or after its commit",
                place.called_at, place.began
            ),
            Self::Transaction(error) => error.fmt(f),
            Self::Once(error) => error.fmt(f),
            Self::Ledger(error) => error.fmt(f),
            Self::Outbox(error) => error.fmt(f),
            Self::Misconfigured(what) => write!(f, "misconfigured, not called: {what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Transaction(error) = self { error.source() } else { None }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Timeout { .. } | Error::DeadlineExceeded { .. } => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// The bound on connecting passed while no connection was there: nothing was sent.
///
/// Only the connecting future itself returns it, which is why it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectTimeout {
    limit: Duration,
    site: &'static Site,
}

impl ConnectTimeout {
    pub(crate) const fn new(limit: Duration, site: &'static Site) -> Self {
        Self { limit, site }
    }

    /// The function whose bound it was.
    pub const fn site(&self) -> &'static Site {
        self.site
    }

    /// The bound that passed.
    pub const fn limit(&self) -> Duration {
        self.limit
    }
}

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Error::from(*self).fmt(f)
    }
}

impl std::error::Error for ConnectTimeout {}

impl Classify for ConnectTimeout {
    fn verdict(&self) -> Verdict {
        Verdict::transient().unsent()
    }
}

impl From<ConnectTimeout> for Error {
    fn from(ConnectTimeout { limit, site }: ConnectTimeout) -> Self {
        Self::Timeout { site, phase: Phase::Connect, limit }
    }
}

impl From<ConnectTimeout> for io::Error {
    fn from(error: ConnectTimeout) -> Self {
        Self::new(io::ErrorKind::TimedOut, error)
    }
}

/// Every contradiction and every setting out of range, each with the places that wrote it and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misconfiguration {
    problems: Vec<String>,
}

impl Misconfiguration {
    pub(crate) fn new(problems: Vec<String>) -> Self {
        Self { problems }
    }

    /// One sentence a problem.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for Misconfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))
    }
}

impl std::error::Error for Misconfiguration {}
