//! Each transition, refusal, retry and time-out, told once: as a `tracing` event and to the subscribers of the
//! registry. Names and labels only: never a body, a key or a header.

use super::{Event, stream::tell};
#[cfg(feature = "reqwest")]
use super::{Registry, States};
#[cfg(feature = "sqlx")]
use crate::ledger::{IntentId, State};
#[cfg(feature = "sqlx")]
use crate::outbox::MessageId;
use crate::policy::circuit_breaker::{CircuitState, Transition};
use crate::{Began, Phase, Site, Verdict, Why};
use std::panic::Location;
use std::time::Duration;

macro_rules! event {
    ($level:ident, $($rest:tt)+) => {{
        #[cfg(feature = "tracing")]
        tracing::$level!(target: "resil", $($rest)+);
    }};
}

pub(crate) fn transition(breaker: &'static str, transition: Transition) {
    let Transition { from, to, cause } = transition;
    match to {
        CircuitState::Closed => event!(info, ?breaker, ?from, ?to, ?cause, "circuit breaker closed"),
        _ if from == to => event!(warn, ?breaker, ?cause, "circuit breaker would have opened"),
        _ => event!(warn, ?breaker, ?from, ?to, ?cause, "circuit breaker changed state"),
    }
    tell(|| {
        if from == to {
            Event::WouldHaveOpened { breaker, cause }
        } else {
            Event::StateChanged { breaker, from, to, cause }
        }
    });
}

#[inline]
pub(crate) fn refused(breaker: &'static str, retry_after: Duration) {
    event!(debug, ?breaker, ?retry_after, "circuit breaker refused a call");
    tell(|| Event::CircuitRefused { breaker, retry_after });
}

pub(crate) fn full(semaphore: &'static str, limit: u32, waited: Duration) {
    event!(debug, ?semaphore, limit, ?waited, "semaphore refused a call");
    tell(|| Event::SemaphoreRefused { semaphore, limit, waited });
}

pub(crate) fn keys_full(kind: &'static str, policy: &'static str, max_keys: u32) {
    event!(warn, kind, ?policy, max_keys, "no place for another key, those to come share one state");
    tell(|| Event::KeysFull { kind, policy, max_keys });
}

pub(crate) fn bulkhead_full(bulkhead: &'static str, limit: u32, waited: Duration) {
    event!(debug, ?bulkhead, limit, ?waited, "bulkhead refused a call");
    tell(|| Event::BulkheadRefused { bulkhead, limit, waited });
}

pub(crate) fn panicked(bulkhead: &'static str) {
    event!(warn, ?bulkhead, "call panicked in its bulkhead");
    tell(|| Event::Panicked { bulkhead });
}

pub(crate) fn retry(site: &'static Site, attempt: u32, delay: Duration, verdict: &Verdict) {
    event!(info, %site, attempt, ?delay, kind = ?verdict.kind, effect = ?verdict.effect, status = ?verdict.status, "attempt failed, retrying");
    tell(|| Event::Retrying { site, attempt, delay, verdict: *verdict });
}

pub(crate) fn fell_back(site: &'static Site, verdict: &Verdict) {
    event!(info, %site, kind = ?verdict.kind, effect = ?verdict.effect, status = ?verdict.status, "call failed, answering with the fallback");
    tell(|| Event::FellBack { site, verdict: *verdict });
}

pub(crate) fn gave_up(site: &'static Site, attempt: u32, why: Why) {
    event!(info, %site, attempt, why = why.as_str(), "attempt failed, not retrying");
    tell(|| Event::GaveUp { site, attempt, why });
}

pub(crate) fn in_doubt(site: &'static Site, verdict: &Verdict) {
    event!(warn, %site, kind = ?verdict.kind, status = ?verdict.status, "call is in doubt: an earlier attempt may have been applied");
    tell(|| Event::InDoubt { site, verdict: *verdict });
}

pub(crate) fn key_not_sent(site: &'static Site) {
    event!(warn, %site, "a partner was called under an idempotency key that was not sent");
    tell(|| Event::KeyNotSent { site });
}

#[cfg(feature = "reqwest")]
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "only logged"))]
pub(crate) fn harmless(why: &'static str) {
    event!(debug, ?why, "a request is said to be harmless");
}

/// Once.
#[cfg(feature = "reqwest")]
pub(crate) fn connect_unproven() {
    if Registry::with(States::warn_of_proofs) {
        event!(
            warn,
            "a failed connection proves nothing in this client: build it with `resil::http::client()`, or around your own with `resil::http::watch(..)`"
        );
        tell(|| Event::ConnectUnproven);
    }
}

pub(crate) fn timed_out(site: &'static Site, phase: Phase, limit: Duration) {
    event!(info, %site, %phase, ?limit, "timed out");
    tell(|| Event::TimedOut { site, phase, limit });
}

pub(crate) fn deadline(site: &'static Site, limit: Duration, attempted: bool) {
    event!(info, %site, ?limit, attempted, "deadline passed");
    tell(|| Event::DeadlinePassed { site, limit, attempted });
}

pub(crate) fn called_inside(site: &'static Site, called_at: &'static Location<'static>, began: Began, refused: bool) {
    event!(warn, %site, %called_at, %began, refused, "external call inside a transaction");
    tell(|| Event::CalledInside { site, called_at, began, refused });
}

pub(crate) fn allowed_inside(site: &'static Site, called_at: &'static Location<'static>, reason: &'static str) {
    event!(debug, %site, %called_at, reason, "external call allowed wherever it is");
    tell(|| Event::AllowedInside { site, called_at, reason });
}

pub(crate) fn connect_unenforced(site: &'static Site) {
    event!(warn, %site, "`connect` bounds nothing: no adapter is installed. Use `resil::http::client()`, build around your own with `resil::http::watch(..)`, or dial through `resil::net::connect`");
    tell(|| Event::ConnectUnenforced { site });
}

#[cfg(feature = "sqlx")]
#[cfg_attr(not(feature = "tracing"), expect(clippy::if_same_then_else, reason = "neither is told"))]
pub(crate) fn intent_moved(id: IntentId, op: &str, from: State, to: State) {
    if to == State::Manual {
        event!(warn, %id, ?op, %from, %to, "intent needs an operator");
    } else {
        event!(debug, %id, ?op, %from, %to, "intent changed state");
    }
    tell(|| Event::IntentMoved { id, op: op.to_owned(), from, to });
}

#[cfg(feature = "sqlx")]
pub(crate) fn intent_held_up(id: IntentId, op: &str, why: &str) {
    event!(warn, %id, ?op, ?why, "intent is held up by a mistake on our side");
    tell(|| Event::IntentHeldUp { id, op: op.to_owned(), why: why.to_owned() });
}

#[cfg(feature = "sqlx")]
pub(crate) fn intents_unknown(op: &str, version: u32, count: u64) {
    event!(warn, ?op, version, count, "intents are left to others: this process does not know their operation");
    tell(|| Event::IntentsUnknown { op: op.to_owned(), version, count });
}

#[cfg(feature = "sqlx")]
pub(crate) fn ledger_unreachable(error: &crate::Error) {
    event!(warn, %error, "the database of the ledger cannot be reached");
    tell(|| Event::LedgerUnreachable { why: error.to_string() });
}

#[cfg(feature = "sqlx")]
pub(crate) fn message_failed(id: MessageId, topic: &str, attempt: u32, why: &str) {
    event!(info, %id, ?topic, attempt, ?why, "message was not delivered, to be tried again");
    tell(|| Event::MessageFailed { id, topic: topic.to_owned(), attempt, why: why.to_owned() });
}

#[cfg(feature = "sqlx")]
pub(crate) fn message_set_aside(id: MessageId, topic: &str, why: &str) {
    event!(warn, %id, ?topic, ?why, "message was set aside, it needs an operator");
    tell(|| Event::MessageSetAside { id, topic: topic.to_owned(), why: why.to_owned() });
}

#[cfg(feature = "sqlx")]
pub(crate) fn outbox_unreachable(error: &crate::Error) {
    event!(warn, %error, "the database of the outbox cannot be reached");
    tell(|| Event::OutboxUnreachable { why: error.to_string() });
}

#[cfg(feature = "sqlx")]
#[cfg_attr(not(feature = "tracing"), expect(clippy::if_same_then_else, reason = "none is told"))]
pub(crate) fn reconciled(report: &crate::ledger::Reconciliation) {
    if report.agrees() {
        event!(info, op = ?report.op, records = report.records, "both books agree");
    } else if report.held_back {
        event!(error, op = ?report.op, records = report.records, differences = report.all(), "the books differ so much that nothing is mended");
    } else {
        event!(warn, op = ?report.op, records = report.records, differences = report.all(), "the books differ, it is being mended");
    }
    tell(|| Event::Reconciled(std::sync::Arc::new(report.clone())));
}

#[cfg(feature = "sqlx")]
pub(crate) fn not_reconciled(op: &str, why: &str) {
    event!(warn, ?op, ?why, "the books could not be compared");
    tell(|| Event::NotReconciled { op: op.to_owned(), why: why.to_owned() });
}
