//! Each transition, refusal, retry and timeout, told once: as a `tracing` event and to the subscribers of the
//! registry. Names and labels only: never a body, a key or a header.

use super::Event;
use super::circuit_state::{CircuitState, Transition};
pub(crate) use super::stream::tell;
use super::why::Why;
#[cfg(feature = "reqwest")]
use super::{Registry, States};
use crate::policy::rate_limit::Lost;
use crate::{Began, Phase, Site, Verdict};
use std::panic::Location;
use std::time::Duration;

macro_rules! event {
    ($level:ident, $($rest:tt)+) => {{
        #[cfg(feature = "tracing")]
        tracing::$level!(target: "resil", $($rest)+);
    }};
}
#[cfg_attr(not(feature = "sqlx"), allow(unused_imports, reason = "what else tells needs a database"))]
pub(crate) use event;

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
pub(crate) fn refused(breaker: &'static str, retry_after: Option<Duration>) {
    event!(debug, ?breaker, ?retry_after, "circuit breaker refused a call");
    tell(|| Event::CircuitRefused { breaker, retry_after });
}

pub(crate) fn full(semaphore: &'static str, limit: u32, waited: Duration) {
    event!(debug, ?semaphore, limit, ?waited, "semaphore refused a call");
    tell(|| Event::SemaphoreRefused { semaphore, limit, waited });
}

pub(crate) fn rate_limited(limit: &'static str, retry_after: Option<Duration>) {
    event!(debug, ?limit, ?retry_after, "rate limit refused a call");
    tell(|| Event::RateLimited { limit, retry_after });
}

pub(crate) fn rate_paused(limit: &'static str, wait: Duration) {
    event!(info, ?limit, ?wait, "the partner asks for a pause: no call of this rate limit begins");
    tell(|| Event::RatePaused { limit, wait });
}

pub(crate) fn rate_store_lost(limit: &'static str, lost: Lost) {
    event!(error, ?limit, ?lost, "the store of a fleet's rate limit does not answer");
    tell(|| Event::RateStoreLost { limit, lost });
}

pub(crate) fn rate_store_back(limit: &'static str) {
    event!(info, ?limit, "the store of a fleet's rate limit answers again");
    tell(|| Event::RateStoreBack { limit });
}

pub(crate) fn rate_differs(limit: &'static str) {
    event!(warn, ?limit, "another process has this rate limit with another rate or burst");
    tell(|| Event::RateDiffers { limit });
}

pub(crate) fn keys_full(kind: &'static str, policy: &'static str, max_keys: u32) {
    event!(warn, kind, ?policy, max_keys, "no place for another key: further keys share one state");
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

pub(crate) fn deadline(site: &'static Site, limit: Duration, attempted: bool, cut_short: bool) {
    event!(info, %site, ?limit, attempted, cut_short, "deadline passed");
    tell(|| Event::DeadlinePassed { site, limit, attempted, cut_short });
}

pub(crate) fn called_inside(site: &'static Site, called_at: &'static Location<'static>, began: Began, refused: bool) {
    event!(warn, %site, %called_at, %began, refused, "external call inside a transaction");
    tell(|| Event::CalledInside { site, called_at, began, refused });
}

pub(crate) fn allowed_inside(site: &'static Site, called_at: &'static Location<'static>, reason: &'static str) {
    event!(debug, %site, %called_at, reason, "external call allowed by `resil::allow`");
    tell(|| Event::AllowedInside { site, called_at, reason });
}

pub(crate) fn dialled_outside(site: &'static Site) {
    event!(warn, %site, "a connection is made outside of any annotated call, where no `connect` bounds it: write `resil::net::connect(..)` within the annotated call");
    tell(|| Event::ConnectUnenforced { site });
}

pub(crate) fn connect_unenforced(site: &'static Site) {
    event!(warn, %site, "`connect` bounds nothing: no adapter is installed. Use `resil::http::client()`, build around your own with `resil::http::watch(..)`, or dial through `resil::net::connect`");
    tell(|| Event::ConnectUnenforced { site });
}

#[cfg(feature = "config")]
pub(crate) fn setting_changed(change: &super::Change) {
    event!(info, kind = change.kind, policy = change.policy, setting = change.setting, from = &*change.from, to = &*change.to, source = %change.source, begins_anew = change.begins_anew, "setting changed");
    tell(|| Event::SettingChanged(change.clone()));
}

#[cfg(feature = "config")]
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "only logged"))]
pub(crate) fn settings_refused(error: &dyn std::error::Error) {
    event!(warn, %error, "settings refused: those of before are still in force");
}
