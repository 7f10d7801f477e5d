use super::{CallSite, Policy, Registry};
use crate::policy::circuit_breaker::CircuitBreaker;
use crate::{Misconfiguration, clock};
use std::collections::BTreeMap;

/// Checks every annotated function of the program, called or not: the first line of `main`.
///
/// Call sites are collected at link time, from dependencies too. Without this call, the first call through a
/// contradicting site returns [`Error::Misconfigured`](crate::Error::Misconfigured) instead, before anything is sent.
/// It also calibrates the clock, some milliseconds that the first call would otherwise wait for.
///
/// # Errors
///
/// [`Misconfiguration`] with one sentence for each breaker that two sites configure differently and each setting out
/// of range.
///
/// ```
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     resil::check()?;
///     // build the runtime, start serving
///     Ok(())
/// }
/// ```
pub fn check() -> Result<(), Misconfiguration> {
    clock::warm();
    let breakers: Vec<_> = breakers().collect();
    let mut problems: Vec<String> = policies().filter_map(out_of_range).collect();

    let mut by_name: BTreeMap<&str, Vec<&CircuitBreaker>> = BTreeMap::new();
    for breaker in breakers {
        if let Some(name) = breaker.name() {
            by_name.entry(name).or_default().push(breaker);
        }
    }
    for (name, mut sites) in by_name {
        sites.sort_by_key(|breaker| (breaker.site().file, breaker.site().line));
        if let Some((first, others)) = sites.split_first() {
            problems.extend(others.iter().filter_map(|other| conflict(name, first, other)));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Misconfiguration::new(problems)) }
}

/// The first call site, anywhere in the program, that gives this breaker's name other settings.
pub(crate) fn conflict_of(breaker: &CircuitBreaker) -> Option<String> {
    let name = breaker.name()?;
    breakers().filter(|other| other.name() == Some(name)).find_map(|other| conflict(name, other, breaker))
}

fn policies() -> impl Iterator<Item = &'static Policy> {
    inventory::iter::<CallSite>.into_iter().flat_map(|call_site| call_site.policies)
}

fn breakers() -> impl Iterator<Item = &'static CircuitBreaker> {
    policies().filter_map(|policy| match policy {
        Policy::CircuitBreaker(breaker) => Some(*breaker),
        _ => None,
    })
}

/// The literals of attributes are checked by the compiler; constants are not known to it.
fn out_of_range(policy: &Policy) -> Option<String> {
    match policy {
        Policy::Retry(retry) => retry.out_of_range(),
        Policy::CircuitBreaker(breaker) => breaker.out_of_range(),
        Policy::Timeout(timeout) => timeout.out_of_range(),
        Policy::Deadline(_) | Policy::Fallback(_) => None,
    }
}

fn conflict(name: &str, a: &CircuitBreaker, b: &CircuitBreaker) -> Option<String> {
    let differences = a.written().differences(b.written());
    if differences.is_empty() {
        return None;
    }
    Some(format!(
        "circuit breaker `{}` has two settings, at {} and at {}: {}; write the same at both, or another name",
        name.escape_debug(),
        a.site(),
        b.site(),
        differences.join(", ")
    ))
}

impl Registry {
    /// Refuses a site that contradicts another one, whichever of the two is called first.
    pub(crate) fn consistent(breaker: &CircuitBreaker) -> Result<(), crate::Error> {
        match breaker.out_of_range().or_else(|| conflict_of(breaker)) {
            Some(problem) => Err(super::misconfigured(problem)),
            None => Ok(()),
        }
    }
}
