//! One `tracing` event for each transition, refusal, retry and time-out. Names and labels only: never a body, a key
//! or a header.

use crate::policy::circuit_breaker::{CircuitState, Transition};
use crate::{Phase, Site, Verdict, Why};
use std::time::Duration;

macro_rules! event {
    ($level:ident, $($rest:tt)+) => {{
        #[cfg(feature = "tracing")]
        tracing::$level!(target: "resil", $($rest)+);
    }};
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn transition(breaker: &str, transition: Transition) {
    let Transition { from, to, cause } = transition;
    match to {
        CircuitState::Closed => event!(info, ?breaker, ?from, ?to, ?cause, "circuit breaker closed"),
        _ if from == to => event!(warn, ?breaker, ?cause, "circuit breaker would have opened"),
        _ => event!(warn, ?breaker, ?from, ?to, ?cause, "circuit breaker changed state"),
    }
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
#[inline]
pub(crate) fn refused(name: &str, retry_after: Duration) {
    event!(debug, breaker = ?name, ?retry_after, "circuit breaker refused a call");
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn full(name: &str, limit: u32, waited: Duration) {
    event!(debug, semaphore = ?name, limit, ?waited, "semaphore refused a call");
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn bulkhead_full(name: &str, limit: u32, waited: Duration) {
    event!(debug, bulkhead = ?name, limit, ?waited, "bulkhead refused a call");
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn panicked(name: &str) {
    event!(warn, bulkhead = ?name, "call panicked in its bulkhead");
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn retry(site: &Site, attempt: u32, delay: Duration, verdict: &Verdict) {
    event!(info, %site, attempt, ?delay, kind = ?verdict.kind, effect = ?verdict.effect, status = ?verdict.status, "attempt failed, retrying");
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn fell_back(site: &Site, verdict: &Verdict) {
    event!(info, %site, kind = ?verdict.kind, effect = ?verdict.effect, status = ?verdict.status, "call failed, answering with the fallback");
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn gave_up(site: &Site, attempt: u32, why: Why) {
    event!(info, %site, attempt, why = why.as_str(), "attempt failed, not retrying");
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn timed_out(site: &Site, phase: Phase, limit: Duration) {
    event!(info, %site, %phase, ?limit, "timed out");
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn deadline(site: &Site, limit: Duration, attempted: bool) {
    event!(info, %site, ?limit, attempted, "deadline passed");
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn connect_unenforced(site: &Site) {
    event!(warn, %site, "`connect` bounds nothing: no adapter is installed. Use `resil::http::client()`, add `resil::http::ConnectLayer` to the reqwest client, or dial through `resil::net::connect`");
}
