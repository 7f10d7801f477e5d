use super::circuit_state::{Cause, CircuitState};
use super::lost::Lost;
use super::outcome::Outcome;
use super::why::Why;
use crate::sql::{LedgerEvent, OutboxEvent};
use crate::{Began, Effect, Kind, Phase, Site, Verdict};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// Something that happened in a policy: what [`Registry::subscribe`](crate::Registry::subscribe) streams.
///
/// Events hold names, places and numbers; never a body, a key or a header. They are cheap to clone, and print as one
/// line each. With the feature `serde` each is an object as well: `event` is the variant in `snake_case`, the other fields have the
/// names below, those of a duration with `_seconds` behind them.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "event", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    /// A circuit breaker changed state.
    StateChanged {
        /// Its name, or its call site if it has none.
        breaker: &'static str,
        /// The state that ended.
        from: CircuitState,
        /// The state that began.
        to: CircuitState,
        /// Why.
        cause: Cause,
        /// The operator who said so, if the cause is [`Manual`](Cause::Manual) and they said their name.
        by: Option<Arc<str>>,
    },
    /// An operator had a closed circuit forget its calls.
    CallsForgotten {
        /// Its name, or its call site if it has none.
        breaker: &'static str,
        /// The operator, if they said their name.
        by: Option<Arc<str>>,
    },
    /// A circuit breaker that only observes would have opened.
    WouldHaveOpened {
        /// Its name, or its call site if it has none.
        breaker: &'static str,
        /// Why.
        cause: Cause,
    },
    /// A circuit breaker refused a call.
    CircuitRefused {
        /// Its name, or its call site if it has none.
        breaker: &'static str,
        /// When the next call has a chance; `None` where nobody knows.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "retry_after_seconds", serialize_with = "crate::as_data::seconds")
        )]
        retry_after: Option<Duration>,
    },
    /// A semaphore refused a call.
    SemaphoreRefused {
        /// Its name, or its call site if it has none.
        semaphore: &'static str,
        /// How many calls it allows at a time.
        limit: u32,
        /// How long the call waited for a permit.
        #[cfg_attr(feature = "serde", serde(rename = "waited_seconds", serialize_with = "crate::as_data::seconds"))]
        waited: Duration,
    },
    /// A rate limit refused a call.
    RateLimited {
        /// Its name, or its call site if it has none.
        limit: &'static str,
        /// When the next call has a chance; `None` where nobody knows.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "retry_after_seconds", serialize_with = "crate::as_data::seconds")
        )]
        retry_after: Option<Duration>,
    },
    /// The partner has asked for a pause, which all callers of the rate limit keep; with `key`, those of one key.
    RatePaused {
        /// Its name, or its call site if it has none.
        limit: &'static str,
        /// How long no call begins.
        #[cfg_attr(feature = "serde", serde(rename = "wait_seconds", serialize_with = "crate::as_data::seconds"))]
        wait: Duration,
    },
    /// The store that a fleet's rate limit is shared through does not answer. Once, until it does again.
    RateStoreLost {
        /// Its name.
        limit: &'static str,
        /// What this process does until then.
        lost: Lost,
    },
    /// The store answers again; or nobody uses the limit any more, so that the store is not asked.
    RateStoreBack {
        /// Its name.
        limit: &'static str,
    },
    /// Another process has a fleet's rate limit with another rate or burst. Each is held to its own.
    RateDiffers {
        /// Its name.
        limit: &'static str,
    },
    /// A keyed policy has no place for another key: all are in use, or their circuits not closed. Until one has, new
    /// keys share one state.
    KeysFull {
        /// The attribute in words.
        kind: &'static str,
        /// Its name, or its call site if it has none.
        policy: &'static str,
        /// How many keys have a state of their own.
        max_keys: u32,
    },
    /// A bulkhead refused a call.
    BulkheadRefused {
        /// Its name, or its call site if it has none.
        bulkhead: &'static str,
        /// How many calls it allows at a time.
        limit: u32,
        /// How long the call waited for a place and a thread.
        #[cfg_attr(feature = "serde", serde(rename = "waited_seconds", serialize_with = "crate::as_data::seconds"))]
        waited: Duration,
    },
    /// A call panicked on a thread of its bulkhead.
    Panicked {
        /// Its name, or its call site if it has none.
        bulkhead: &'static str,
    },
    /// An attempt failed, and another follows.
    Retrying {
        /// The function.
        site: &'static Site,
        /// Which attempt failed; 1 is the first.
        attempt: u32,
        /// The wait before the next.
        #[cfg_attr(feature = "serde", serde(rename = "delay_seconds", serialize_with = "crate::as_data::seconds"))]
        delay: Duration,
        /// What the failure means.
        verdict: Verdict,
    },
    /// An attempt failed, and no other follows.
    GaveUp {
        /// The function.
        site: &'static Site,
        /// Which attempt failed; 1 is the first.
        attempt: u32,
        /// Why there is no other.
        why: Why,
        /// What the failure means.
        verdict: Verdict,
    },
    /// A call of an annotated function is over, whatever came of it. Only who asked for it hears of it:
    /// [`Events::with_calls`](crate::Events::with_calls).
    Finished {
        /// The function.
        site: &'static Site,
        /// How many attempts were made. One that a policy refused is none.
        attempts: u32,
        /// How long it waited between attempts.
        #[cfg_attr(feature = "serde", serde(rename = "waited_seconds", serialize_with = "crate::as_data::seconds"))]
        waited: Duration,
        /// How long it took, waits included.
        #[cfg_attr(feature = "serde", serde(rename = "elapsed_seconds", serialize_with = "crate::as_data::seconds"))]
        elapsed: Duration,
        /// What came of it.
        outcome: Outcome,
        /// What its error says, if [`Registry::tell_errors`](crate::Registry::tell_errors) was asked for it.
        error: Option<Arc<str>>,
    },
    /// A call under an idempotency key ended in doubt: its last failure had no effect, and an earlier attempt may have
    /// been applied. [`Error::InDoubt`](crate::Error::InDoubt) is returned.
    InDoubt {
        /// The function.
        site: &'static Site,
        /// What the failure means for the whole call.
        verdict: Verdict,
    },
    /// An attempt under an idempotency key reached a partner, and no request carried the key.
    KeyNotSent {
        /// The function.
        site: &'static Site,
    },
    /// No connection could be made, and nothing proves that no request was sent: the client is not of
    /// `resil::http::client()`. Reported once.
    ConnectUnproven,
    /// A call failed and is answered with the fallback.
    FellBack {
        /// The function.
        site: &'static Site,
        /// What the failure means.
        verdict: Verdict,
    },
    /// A bound of a timeout passed. After [`Phase::Read`] and [`Phase::Attempt`] the outcome is unknown.
    TimedOut {
        /// The function whose bound it was.
        site: &'static Site,
        /// Which wait was too long.
        phase: Phase,
        /// The bound that passed.
        #[cfg_attr(feature = "serde", serde(rename = "limit_seconds", serialize_with = "crate::as_data::seconds"))]
        limit: Duration,
    },
    /// A deadline passed.
    DeadlinePassed {
        /// The function whose deadline it was.
        site: &'static Site,
        /// The whole time it allows.
        #[cfg_attr(feature = "serde", serde(rename = "limit_seconds", serialize_with = "crate::as_data::seconds"))]
        limit: Duration,
        /// Whether an attempt was under way, so that the outcome is unknown.
        attempted: bool,
        /// Whether that attempt had less time than its own `#[timeout]` gives, or a second without one. No circuit
        /// breaker counts it as failed then.
        cut_short: bool,
    },
    /// An external call was about to be made while its caller held a transaction or a connection.
    CalledInside {
        /// The function that makes the external call.
        site: &'static Site,
        /// The line that called it.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::as_data::text"))]
        called_at: &'static Location<'static>,
        /// What is held, and since where.
        began: Began,
        /// Whether it was refused, or let through and only reported.
        refused: bool,
    },
    /// An external call was let through by [`allow`](crate::allow), inside a transaction or not.
    AllowedInside {
        /// The function that makes the external call.
        site: &'static Site,
        /// The line that called it.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::as_data::text"))]
        called_at: &'static Location<'static>,
        /// The reason given.
        reason: &'static str,
    },
    /// A `connect` bound is not enforced. Reported once: of a function with that bound, where the process has nothing that
    /// enforces it; and once of a connection that was made outside of any call while such a function ran.
    ConnectUnenforced {
        /// The function, or the line that made the connection.
        site: &'static Site,
    },
    /// A setting in force was changed.
    #[cfg(feature = "config")]
    #[cfg_attr(docsrs, doc(cfg(feature = "config")))]
    SettingChanged(super::Change),
    /// Something that happened in the ledger. Without a database, never.
    Ledger(LedgerEvent),
    /// Something that happened in the outbox. Without a database, never.
    Outbox(OutboxEvent),
    /// The subscriber was slow, and this many events were dropped here.
    Missed(#[cfg_attr(feature = "serde", serde(serialize_with = "missed"))] u64),
}

/// A number alone has no place in an object.
#[cfg(feature = "serde")]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn missed<S: serde::Serializer>(events: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map([("events", events)])
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StateChanged { breaker, from, to, cause, by } => {
                write!(f, "{}: from {from:?} to {to:?}, {cause:?}{}", Named("circuit breaker", breaker), By(by))
            }
            Self::CallsForgotten { breaker, by } => {
                write!(f, "{}: forgot its calls{}", Named("circuit breaker", breaker), By(by))
            }
            Self::WouldHaveOpened { breaker, cause } => {
                write!(f, "{}: would have opened, {cause:?}", Named("circuit breaker", breaker))
            }
            Self::CircuitRefused { breaker, retry_after } => {
                write!(f, "{}: refused a call", Named("circuit breaker", breaker))?;
                retry_after.map_or(Ok(()), |wait| write!(f, ", next chance in {wait:?}"))
            }
            Self::SemaphoreRefused { semaphore, limit, waited } => {
                write!(f, "{}: refused a call after {waited:?}, limit {limit}", Named("semaphore", semaphore))
            }
            Self::RateLimited { limit, retry_after } => {
                write!(f, "{}: refused a call", Named("rate limit", limit))?;
                retry_after.map_or(Ok(()), |wait| write!(f, ", next chance in {wait:?}"))
            }
            Self::RatePaused { limit, wait } => {
                write!(f, "{}: the partner asks for a pause of {wait:?}", Named("rate limit", limit))
            }
            Self::RateStoreLost { limit, lost } => {
                write!(f, "{}: its store does not answer, lost = {lost:?}", Named("rate limit", limit))
            }
            Self::RateStoreBack { limit } => {
                write!(f, "{}: its store answers again, or is not needed", Named("rate limit", limit))
            }
            Self::RateDiffers { limit } => {
                write!(f, "{}: another process has another rate or burst", Named("rate limit", limit))
            }
            Self::KeysFull { kind, policy, max_keys } => {
                write!(f, "{}: no place for another key, {max_keys} are in use", Named(kind, policy))
            }
            Self::BulkheadRefused { bulkhead, limit, waited } => {
                write!(f, "{}: refused a call after {waited:?}, limit {limit}", Named("bulkhead", bulkhead))
            }
            Self::Panicked { bulkhead } => write!(f, "{}: a call panicked", Named("bulkhead", bulkhead)),
            Self::Retrying { site, attempt, delay, verdict } => {
                write!(f, "{site}: attempt {attempt} failed ({}), next in {delay:?}", Meaning(verdict))
            }
            Self::GaveUp { site, attempt, why, verdict } => {
                write!(f, "{site}: attempt {attempt} failed ({}), not retrying: {why}", Meaning(verdict))
            }
            Self::Finished { site, attempts, waited, elapsed, outcome, error } => {
                write!(
                    f,
                    "{site}: {} after {attempts} attempts in {elapsed:?}, {waited:?} of it waiting",
                    outcome.as_str()
                )?;
                error.as_ref().map_or(Ok(()), |error| write!(f, ": {error}"))
            }
            Self::InDoubt { site, verdict } => {
                write!(f, "{site}: in doubt ({}), an earlier attempt may have been applied", Meaning(verdict))
            }
            Self::KeyNotSent { site } => write!(f, "{site}: its idempotency key was not sent"),
            Self::ConnectUnproven => f.write_str(
                "a connection failed in a client that is not of `resil::http::client()`, which proves nothing",
            ),
            Self::FellBack { site, verdict } => {
                write!(f, "{site}: failed ({}), answering with the fallback", Meaning(verdict))
            }
            Self::TimedOut { site, phase, limit } => write!(f, "{site}: timed out: {phase} took {limit:?}"),
            Self::DeadlinePassed { site, limit, attempted, cut_short } => {
                let when = match (attempted, cut_short) {
                    (false, _) => "before an attempt",
                    (true, false) => "during an attempt",
                    (true, true) => "during an attempt that had little time",
                };
                write!(f, "{site}: deadline of {limit:?} passed {when}")
            }
            Self::CalledInside { site, called_at, began, refused } => {
                let what = if *refused { "refused" } else { "let through" };
                write!(f, "{site}: called at {called_at} inside {began}, {what}")
            }
            Self::AllowedInside { site, called_at, reason } => {
                write!(f, "{site}: called at {called_at}, allowed: {}", reason.escape_debug())
            }
            Self::ConnectUnenforced { site } => write!(
                f,
                "{site}: `connect` is not enforced here; write `resil::http::client()` for the client, or \
                 `resil::net::connect(..)` within the annotated call"
            ),
            #[cfg(feature = "config")]
            Self::SettingChanged(change) => change.fmt(f),
            Self::Ledger(event) => event.fmt(f),
            Self::Outbox(event) => event.fmt(f),
            Self::Missed(events) => write!(f, "missed {events} events"),
        }
    }
}

/// A name is data.
struct Named(&'static str, &'static str);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.0, self.1.escape_debug())
    }
}

/// A name is data here as well.
struct By<'a>(&'a Option<Arc<str>>);

impl fmt::Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |by| write!(f, ", by `{}`", by.escape_debug()))
    }
}

struct Meaning<'a>(&'a Verdict);

impl fmt::Display for Meaning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.kind {
            Kind::Transient => "transient",
            Kind::Permanent => "permanent",
            Kind::Caller => "the caller's fault",
            Kind::Refused => "refused",
        })?;
        if self.0.effect == Effect::Unknown {
            f.write_str(", outcome unknown")?;
        }
        self.0.status.map_or(Ok(()), |status| write!(f, ", status {status}"))
    }
}
