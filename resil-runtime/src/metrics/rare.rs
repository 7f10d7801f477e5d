//! What happens in policies, counted by event. Only what the program itself has written is a label.

use crate::Event;
use crate::registry::Site;
use crate::sync::{Mutex, lock};
use std::collections::HashMap;
use std::sync::LazyLock;

/// A series without its last label: its name, and the policy or the place.
type Of = (&'static str, Whose);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    Site(&'static str, u32),
    Policy(&'static str),
}

impl From<&Site> for Whose {
    fn from(site: &Site) -> Self {
        Self::Site(site.function, site.line)
    }
}

static COUNTS: LazyLock<Mutex<HashMap<(Of, &'static str), u64>>> = LazyLock::new(Mutex::default);

pub(super) const RETRIES: &str = "resil_retries_total";
pub(super) const GIVEN_UP: &str = "resil_retries_given_up_total";
pub(super) const FALLBACKS: &str = "resil_fallbacks_total";
pub(super) const TIMEOUTS: &str = "resil_timeouts_total";
pub(super) const DEADLINES: &str = "resil_deadlines_passed_total";
pub(super) const IN_DOUBT: &str = "resil_calls_in_doubt_total";
pub(super) const REFUSALS: &str = "resil_refusals_total";
pub(super) const TRANSITIONS: &str = "resil_circuit_transitions_total";

/// Adds an event to what it counts for.
pub(crate) fn count(event: &Event) {
    if !super::is_wanted() {
        return;
    }
    let (name, whose, word) = match event {
        Event::Retrying { site, verdict, .. } => (RETRIES, Whose::from(*site), verdict.kind.as_str()),
        Event::GaveUp { site, why, .. } => (GIVEN_UP, Whose::from(*site), why.word()),
        Event::FellBack { site, verdict } => (FALLBACKS, Whose::from(*site), verdict.kind.as_str()),
        Event::TimedOut { site, phase, .. } => (TIMEOUTS, Whose::from(*site), phase.as_str()),
        Event::DeadlinePassed { site, .. } => (DEADLINES, Whose::from(*site), ""),
        Event::InDoubt { site, .. } => (IN_DOUBT, Whose::from(*site), ""),
        Event::CircuitRefused { breaker, .. } => (REFUSALS, Whose::Policy(breaker), "circuit_open"),
        Event::SemaphoreRefused { semaphore, .. } => (REFUSALS, Whose::Policy(semaphore), "semaphore_full"),
        Event::RateLimited { limit, .. } => (REFUSALS, Whose::Policy(limit), "rate_limited"),
        Event::BulkheadRefused { bulkhead, .. } => (REFUSALS, Whose::Policy(bulkhead), "bulkhead_full"),
        Event::StateChanged { breaker, to, .. } => (TRANSITIONS, Whose::Policy(breaker), to.as_str()),
        _ => return,
    };
    *lock(&COUNTS).entry(((name, whose), word)).or_default() += 1;
}

pub(super) fn counted(name: &'static str, whose: Whose, word: &'static str) -> u64 {
    lock(&COUNTS).get(&((name, whose), word)).copied().unwrap_or(0)
}
