//! Each transition, refusal, retry and timeout, told once: as a `tracing` event and to the subscribers of the
//! registry. Names and labels only: never a body, a key or a header.

use super::circuit_state::{Cause, CircuitState, Transition};
#[cfg(feature = "tracing")]
use super::log::{seconds, text};
pub(crate) use super::stream::tell;
use super::stream::tell_of_call;
use super::why::Why;
use super::{Event, Lost};
#[cfg(feature = "reqwest")]
use super::{Registry, States};
use crate::{Began, Phase, Site, Verdict};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// A log line. Fields are texts, numbers and booleans: see `log`.
macro_rules! event {
    ($level:ident, $($rest:tt)+) => {{
        #[cfg(feature = "tracing")]
        tracing::$level!(target: "resil", $($rest)+);
    }};
}

/// One that may come as often as calls do: `event_of!(place, INFO, "message", fields)`.
macro_rules! event_of {
    ($place:expr, $level:ident, $message:literal, $($field:ident = $value:expr),+) => {{
        #[cfg(feature = "tracing")]
        if tracing::enabled!(target: "resil", tracing::Level::$level)
            && let Some(left_out) = super::log::one_more($place, $message)
        {
            tracing::event!(target: "resil", tracing::Level::$level, $($field = $value,)+ left_out = (left_out > 0).then_some(left_out), $message);
        }
    }};
}
#[cfg_attr(not(feature = "sqlx"), allow(unused_imports, reason = "what else tells needs a database"))]
pub(crate) use event;

/// Of a circuit, by the operator of this name if it was one.
pub(crate) fn transition(breaker: &'static str, transition: Transition, by: Option<&Arc<str>>) {
    let Transition { from, to, cause } = transition;
    match to {
        _ if from == to && cause == Cause::Manual => {
            event!(info, breaker = text(breaker), by = by.map(text), "circuit breaker forgot its calls");
        }
        CircuitState::Closed => {
            event!(
                info,
                breaker = text(breaker),
                from = from.as_str(),
                to = to.as_str(),
                cause = cause.as_str(),
                by = by.map(text),
                "circuit breaker closed"
            );
        }
        _ if from == to => {
            event!(warn, breaker = text(breaker), cause = cause.as_str(), "circuit breaker would have opened");
        }
        _ => {
            event!(
                warn,
                breaker = text(breaker),
                from = from.as_str(),
                to = to.as_str(),
                cause = cause.as_str(),
                by = by.map(text),
                "circuit breaker changed state"
            );
        }
    }
    if from != to {
        super::Registry::with(|states| states.saw_change(breaker, transition, by));
    }
    tell(|| match cause {
        _ if from != to => Event::StateChanged { breaker, from, to, cause, by: by.cloned() },
        Cause::Manual => Event::CallsForgotten { breaker, by: by.cloned() },
        _ => Event::WouldHaveOpened { breaker, cause },
    });
}

#[inline]
pub(crate) fn refused(breaker: &'static str, retry_after: Option<Duration>) {
    event_of!(
        breaker,
        DEBUG,
        "circuit breaker refused a call",
        breaker = text(breaker),
        retry_after_seconds = seconds(retry_after)
    );
    tell(|| Event::CircuitRefused { breaker, retry_after });
}

pub(crate) fn full(semaphore: &'static str, limit: u32, waited: Duration) {
    event_of!(
        semaphore,
        DEBUG,
        "semaphore refused a call",
        semaphore = text(semaphore),
        limit = limit,
        waited_seconds = seconds(waited)
    );
    tell(|| Event::SemaphoreRefused { semaphore, limit, waited });
}

pub(crate) fn rate_limited(limit: &'static str, retry_after: Option<Duration>) {
    event_of!(
        limit,
        DEBUG,
        "rate limit refused a call",
        rate_limit = text(limit),
        retry_after_seconds = seconds(retry_after)
    );
    tell(|| Event::RateLimited { limit, retry_after });
}

pub(crate) fn rate_paused(limit: &'static str, wait: Duration) {
    event_of!(
        limit,
        INFO,
        "the partner asks for a pause: no call of this rate limit begins",
        rate_limit = text(limit),
        wait_seconds = seconds(wait)
    );
    tell(|| Event::RatePaused { limit, wait });
}

pub(crate) fn rate_store_lost(limit: &'static str, lost: Lost) {
    event!(error, rate_limit = text(limit), lost = lost.as_str(), "the store of a fleet's rate limit does not answer");
    tell(|| Event::RateStoreLost { limit, lost });
}

pub(crate) fn rate_store_back(limit: &'static str) {
    event!(info, rate_limit = text(limit), "the store of a fleet's rate limit answers again");
    tell(|| Event::RateStoreBack { limit });
}

pub(crate) fn rate_differs(limit: &'static str) {
    event!(warn, rate_limit = text(limit), "another process has this rate limit with another rate or burst");
    tell(|| Event::RateDiffers { limit });
}

pub(crate) fn keys_full(kind: &'static str, policy: &'static str, max_keys: u32) {
    event!(warn, kind, policy = text(policy), max_keys, "no place for another key: further keys share one state");
    tell(|| Event::KeysFull { kind, policy, max_keys });
}

pub(crate) fn bulkhead_full(bulkhead: &'static str, limit: u32, waited: Duration) {
    event_of!(
        bulkhead,
        DEBUG,
        "bulkhead refused a call",
        bulkhead = text(bulkhead),
        limit = limit,
        waited_seconds = seconds(waited)
    );
    tell(|| Event::BulkheadRefused { bulkhead, limit, waited });
}

pub(crate) fn panicked(bulkhead: &'static str) {
    event_of!(bulkhead, WARN, "call panicked in its bulkhead", bulkhead = text(bulkhead));
    tell(|| Event::Panicked { bulkhead });
}

pub(crate) fn retry(site: &'static Site, attempt: u32, delay: Duration, verdict: &Verdict) {
    event_of!(
        site,
        INFO,
        "attempt failed, retrying",
        site = text(site),
        attempt = attempt,
        delay_seconds = seconds(delay),
        kind = verdict.kind.as_str(),
        effect = verdict.effect.as_str(),
        status = verdict.status
    );
    tell(|| Event::Retrying { site, attempt, delay, verdict: *verdict });
}

pub(crate) fn fell_back(site: &'static Site, verdict: &Verdict) {
    event_of!(
        site,
        INFO,
        "call failed, answering with the fallback",
        site = text(site),
        kind = verdict.kind.as_str(),
        effect = verdict.effect.as_str(),
        status = verdict.status
    );
    tell(|| Event::FellBack { site, verdict: *verdict });
}

pub(crate) fn gave_up(site: &'static Site, attempt: u32, why: Why, verdict: &Verdict) {
    event_of!(
        site,
        INFO,
        "attempt failed, not retrying",
        site = text(site),
        attempt = attempt,
        why = why.as_str(),
        kind = verdict.kind.as_str(),
        effect = verdict.effect.as_str(),
        status = verdict.status
    );
    tell(|| Event::GaveUp { site, attempt, why, verdict: *verdict });
}

/// Subscribers hear of each call, the log of those that did not succeed at once.
pub(super) fn finished(event: Event) {
    #[cfg(feature = "tracing")]
    if let Event::Finished { site, attempts, waited, elapsed, outcome, error } = &event
        && (*attempts, *outcome) != (1, super::Outcome::Succeeded)
    {
        let status = if let super::Outcome::Failed(verdict) = outcome { verdict.status } else { None };
        event_of!(
            *site,
            INFO,
            "call ended",
            site = text(site),
            attempts = attempts,
            waited_seconds = seconds(*waited),
            elapsed_seconds = seconds(*elapsed),
            outcome = outcome.as_str(),
            status = status,
            error = error.as_ref().map(text)
        );
    }
    tell_of_call(|| event);
}

pub(crate) fn in_doubt(site: &'static Site, verdict: &Verdict) {
    event_of!(
        site,
        WARN,
        "call is in doubt: an earlier attempt may have been applied",
        site = text(site),
        kind = verdict.kind.as_str(),
        status = verdict.status
    );
    tell(|| Event::InDoubt { site, verdict: *verdict });
}

pub(crate) fn key_not_sent(site: &'static Site) {
    event_of!(site, WARN, "a partner was called under an idempotency key that was not sent", site = text(site));
    tell(|| Event::KeyNotSent { site });
}

#[cfg(feature = "reqwest")]
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "only logged"))]
pub(crate) fn harmless(why: &'static str) {
    event!(debug, why = text(why), "a request is said to be harmless");
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
    event_of!(site, INFO, "timed out", site = text(site), phase = phase.as_str(), limit_seconds = seconds(limit));
    tell(|| Event::TimedOut { site, phase, limit });
}

pub(crate) fn deadline(site: &'static Site, limit: Duration, attempted: bool, cut_short: bool) {
    event_of!(
        site,
        INFO,
        "deadline passed",
        site = text(site),
        limit_seconds = seconds(limit),
        attempted = attempted,
        cut_short = cut_short
    );
    tell(|| Event::DeadlinePassed { site, limit, attempted, cut_short });
}

pub(crate) fn called_inside(site: &'static Site, called_at: &'static Location<'static>, began: Began, refused: bool) {
    event_of!(
        site,
        WARN,
        "external call inside a transaction",
        site = text(site),
        called_at = text(called_at),
        began = text(began),
        refused = refused
    );
    tell(|| Event::CalledInside { site, called_at, began, refused });
}

pub(crate) fn allowed_inside(site: &'static Site, called_at: &'static Location<'static>, reason: &'static str) {
    event_of!(
        site,
        DEBUG,
        "external call allowed by `resil::allow`",
        site = text(site),
        called_at = text(called_at),
        reason = text(reason)
    );
    tell(|| Event::AllowedInside { site, called_at, reason });
}

pub(crate) fn dialled_outside(site: &'static Site) {
    event!(
        warn,
        site = text(site),
        "a connection is made outside of any annotated call, where no `connect` bounds it: write `resil::net::connect(..)` within the annotated call"
    );
    tell(|| Event::ConnectUnenforced { site });
}

pub(crate) fn connect_unenforced(site: &'static Site) {
    event!(
        warn,
        site = text(site),
        "`connect` bounds nothing: no adapter is installed. Use `resil::http::client()`, build around your own with `resil::http::watch(..)`, or dial through `resil::net::connect`"
    );
    tell(|| Event::ConnectUnenforced { site });
}

#[cfg(feature = "config")]
pub(crate) fn setting_changed(change: &super::Change) {
    event!(
        info,
        kind = change.kind,
        policy = text(change.policy),
        setting = change.setting,
        from = text(&change.from),
        to = text(&change.to),
        source = text(&change.source),
        begins_anew = change.begins_anew,
        by = change.by.as_ref().map(text),
        "setting changed"
    );
    tell(|| Event::SettingChanged(change.clone()));
}

#[cfg(feature = "config")]
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "only logged"))]
pub(crate) fn settings_refused(error: &dyn std::error::Error) {
    event!(warn, error = text(error), "settings refused: those of before are still in force");
}

#[cfg(all(test, feature = "tracing", not(resil_loom)))]
pub(crate) mod tests;
