//! From our own cells, and from the policies themselves, to the recorder.

use super::rare::{self, Whose, counted};
use crate::policy::fallback::Fallback;
use crate::policy::rate_limit::fleet::Part;
use crate::registry::{CallSite, CircuitState, Outcome, Site, Why, registry};
use crate::sync::{Mutex, lock};
use crate::{CircuitBreaker, Deadline, Kind, Phase, Retry, Timeout};
use metrics::{counter, gauge, histogram};

/// One at a time: what was taken from a cell is told by whoever took it.
static TURN: Mutex<()> = Mutex::new(());

/// Tells the recorder what was counted by now, and how the policies are. [`install`](super::install) does it once a second where it
/// can; call it where a second is too old. It looks at every call site and policy, and waits for nothing.
///
/// ```
/// resil::metrics::publish();
/// ```
pub fn publish() {
    let _turn = lock(&TURN);
    registry().call_sites().into_iter().for_each(of_call_site);
    for breaker in registry().circuit_breakers() {
        of_circuit(&breaker);
    }
    for semaphore in registry().semaphores() {
        if let Ok(usage) = semaphore.usage() {
            of_permits("semaphore", semaphore.label(), usage);
        }
    }
    for bulkhead in registry().bulkheads() {
        if let Ok(usage) = bulkhead.usage() {
            of_permits("bulkhead", bulkhead.label(), usage);
            gauge!("resil_bulkhead_queue_limit", "name" => bulkhead.label()).set(bulkhead.queue_limit());
        }
    }
    for limit in registry().rate_limits() {
        if let Ok(usage) = limit.usage() {
            of_rate(limit.label(), usage);
        }
    }
    of_keys();
    for budget in registry().retry_budgets() {
        gauge!("resil_retry_budget_tokens", "name" => budget.name).set(budget.tokens);
        gauge!("resil_retry_budget_size", "name" => budget.name).set(budget.size);
    }
    #[cfg(feature = "sqlx")]
    super::databases::publish();
    #[cfg(feature = "config")]
    {
        let status = registry().configuration();
        counter!("resil_settings_revision_total").absolute(status.revision);
        gauge!("resil_settings_refused").set(u32::from(status.last_error.is_some()));
    }
}

/// A function, and each word that its counters have.
fn of_call_site(call_site: &'static CallSite) {
    let Some(calls) = call_site.calls() else { return };
    let (place, site) = (call_site.site(), call_site.site().label());
    let totals = calls.cells.totals();
    for (outcome, calls) in Outcome::ALL.into_iter().zip(totals.outcomes) {
        counter!("resil_calls_total", "site" => site, "outcome" => outcome).absolute(calls);
    }
    counter!("resil_attempts_total", "site" => site).absolute(totals.attempts);
    let times = histogram!("resil_call_duration_seconds", "site" => site);
    for (seconds, calls) in calls.cells.take_times() {
        times.record_many(seconds, usize::try_from(calls).unwrap_or(usize::MAX));
    }
    let by = |name, label: &'static str, words: &[&'static str]| by_word(name, place, label, words);
    let has = |is: fn(&crate::Policy) -> bool| call_site.policies().iter().any(is);
    let kinds: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    if has(|policy| policy.downcast_ref::<Retry>().is_some()) {
        by(rare::RETRIES, "kind", &kinds);
        by(rare::GIVEN_UP, "reason", &Why::OF_RETRY.map(Why::word));
        by(rare::IN_DOUBT, "", &[""]);
    } else {
        by(rare::GIVEN_UP, "reason", &[Why::NoRetry.word()]);
    }
    if has(|policy| policy.downcast_ref::<Fallback>().is_some()) {
        by(rare::FALLBACKS, "kind", &kinds);
    }
    if has(|policy| policy.downcast_ref::<Timeout>().is_some()) {
        by(rare::TIMEOUTS, "phase", &Phase::ALL.iter().map(|phase| phase.as_str()).collect::<Vec<_>>());
    }
    if has(|policy| policy.downcast_ref::<Deadline>().is_some()) {
        by(rare::DEADLINES, "", &[""]);
    }
}

fn by_word(name: &'static str, place: &'static Site, label: &'static str, words: &[&'static str]) {
    for word in words {
        let calls = counted(name, Whose::from(place), word);
        if label.is_empty() {
            counter!(name, "site" => place.label()).absolute(calls);
        } else {
            counter!(name, "site" => place.label(), label => *word).absolute(calls);
        }
    }
}

fn refusals(name: &'static str, reason: &'static str) {
    let refused = counted(rare::REFUSALS, Whose::Policy(name), reason);
    counter!(rare::REFUSALS, "name" => name, "reason" => reason).absolute(refused);
}

fn of_circuit(breaker: &CircuitBreaker) {
    let Ok(now) = breaker.snapshot() else { return };
    let name = breaker.label();
    for state in CircuitState::ALL {
        gauge!("resil_circuit_state", "name" => name, "state" => state.as_str()).set(u32::from(now.state == *state));
    }
    transitions(name);
    gauge!("resil_circuit_failure_rate", "name" => name).set(now.failure_rate.unwrap_or(0.0));
    gauge!("resil_circuit_slow_rate", "name" => name).set(now.slow_rate.unwrap_or(0.0));
    #[expect(clippy::cast_precision_loss, reason = "no window holds so many")]
    gauge!("resil_circuit_buffered_calls", "name" => name).set(now.calls as f64);
    refusals(name, "circuit_open");
}

fn transitions(name: &'static str) {
    for state in CircuitState::ALL {
        let word = state.as_str();
        let changes = counted(rare::TRANSITIONS, Whose::Policy(name), word);
        counter!(rare::TRANSITIONS, "name" => name, "to" => word).absolute(changes);
    }
}

fn of_permits(kind: &'static str, name: &'static str, usage: crate::policy::semaphore::Usage) {
    gauge!("resil_permits_limit", "kind" => kind, "name" => name).set(usage.limit);
    gauge!("resil_permits_used", "kind" => kind, "name" => name).set(usage.in_use);
    let waiting = u32::try_from(usage.waiting).unwrap_or(u32::MAX);
    gauge!("resil_permits_waiting", "kind" => kind, "name" => name).set(waiting);
    refusals(name, if kind == "semaphore" { "semaphore_full" } else { "bulkhead_full" });
}

fn of_rate(name: &'static str, usage: crate::policy::rate_limit::Usage) {
    #[expect(clippy::cast_precision_loss, reason = "no bucket holds so many")]
    gauge!("resil_rate_limit_tokens", "name" => name).set(usage.tokens as f64);
    gauge!("resil_rate_limit_burst", "name" => name).set(usage.burst);
    gauge!("resil_rate_limit_waiting", "name" => name).set(u32::try_from(usage.waiting).unwrap_or(u32::MAX));
    let paused = usage.paused_for.unwrap_or_default().as_secs_f64();
    gauge!("resil_rate_limit_paused_seconds", "name" => name).set(paused);
    if let Some(Part { share, is_lost }) = usage.fleet {
        gauge!("resil_rate_limit_share", "name" => name).set(share);
        gauge!("resil_rate_limit_store_lost", "name" => name).set(u32::from(is_lost));
    }
    refusals(name, "rate_limited");
}

/// However many keys there are, a policy is one series.
fn of_keys() {
    let of = |kind: &'static str, name: &'static str, usage: crate::policy::keyed::KeyUsage| {
        gauge!("resil_keys", "kind" => kind, "name" => name).set(usage.keys);
        gauge!("resil_keys_limit", "kind" => kind, "name" => name).set(usage.max_keys);
        // Those without a place of their own are one.
        gauge!("resil_keys_busy", "kind" => kind, "name" => name).set(usage.busy + u32::from(usage.rest_busy));
    };
    for breakers in registry().keyed_circuit_breakers() {
        if let Ok(usage) = breakers.usage() {
            of("circuit_breaker", breakers.label(), usage);
            transitions(breakers.label());
            refusals(breakers.label(), "circuit_open");
        }
    }
    for limits in registry().keyed_rate_limits() {
        if let Ok(usage) = limits.usage() {
            of("rate_limit", limits.label(), usage);
            refusals(limits.label(), "rate_limited");
        }
    }
    for semaphores in registry().keyed_semaphores() {
        if let Ok(usage) = semaphores.usage() {
            of("semaphore", semaphores.label(), usage);
            refusals(semaphores.label(), "semaphore_full");
        }
    }
}
