use super::{CallSite, Policy, Registry, Written};
use crate::{Error, Misconfiguration, clock};

/// Checks every annotated function of the program, called or not: the first line of `main`.
///
/// Call sites are collected at link time, from dependencies too. Without this call, the first call through a
/// contradicting site returns [`Error::Misconfigured`](crate::Error::Misconfigured) instead, before anything is sent.
/// It also calibrates the clock, some milliseconds that the first call would otherwise wait for.
///
/// # Errors
///
/// [`Misconfiguration`] with one sentence for each breaker that two sites configure differently, each setting out of
/// range, and each bound or wait that a deadline above it never lets pass.
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
    let mut problems: Vec<String> = policies().filter_map(out_of_range).collect();
    problems.extend(inventory::iter::<CallSite>.into_iter().flat_map(beyond_the_deadline));
    let mut written: Vec<Written> = policies().map(Policy::written).collect();
    written.sort_by_key(|one| (one.kind, one.name, one.site.file, one.site.line));
    let conflicts = written.chunk_by(Written::shares_with).filter_map(<[_]>::split_first);
    problems.extend(conflicts.flat_map(|(first, others)| others.iter().filter_map(|other| first.conflict(other))));
    if problems.is_empty() { Ok(()) } else { Err(Misconfiguration::new(problems)) }
}

pub(crate) fn policies() -> impl Iterator<Item = &'static Policy> {
    inventory::iter::<CallSite>.into_iter().flat_map(|call_site| call_site.policies)
}

/// The literals of attributes are checked by the compiler; constants are not known to it.
fn out_of_range(policy: &Policy) -> Option<String> {
    match policy {
        Policy::Retry(retry) => retry.out_of_range(),
        Policy::CircuitBreaker(breaker) => breaker.out_of_range(),
        Policy::KeyedCircuitBreaker(breaker) => breaker.out_of_range(),
        Policy::Semaphore(semaphore) => semaphore.out_of_range(),
        Policy::KeyedSemaphore(semaphore) => semaphore.out_of_range(),
        Policy::Bulkhead(bulkhead) => bulkhead.out_of_range(),
        Policy::Timeout(timeout) => timeout.out_of_range(),
        #[cfg(feature = "sqlx")]
        Policy::Transactional(transactional) => transactional.out_of_range(),
        #[cfg(feature = "sqlx")]
        Policy::Durable(_) => None,
        Policy::Deadline(deadline) => deadline.out_of_range(),
        Policy::TransactionGuard(_) | Policy::Fallback(_) => None,
    }
}

/// What can never happen before the deadline above it.
fn beyond_the_deadline(call_site: &CallSite) -> Vec<String> {
    let deadline = call_site.policies.iter().find_map(|policy| match policy {
        Policy::Deadline(deadline) => Some(deadline.limit()).filter(|limit| !limit.is_zero()),
        _ => None,
    });
    let Some(deadline) = deadline else { return Vec::new() };
    let beyond = |policy: &Policy| match policy {
        Policy::Timeout(timeout) => timeout.above(deadline),
        Policy::Retry(retry) => retry.waits_beyond(deadline),
        _ => None,
    };
    call_site.policies.iter().filter_map(beyond).collect()
}

impl Registry {
    /// Refuses a site that contradicts another one, whichever of the two is called first.
    pub(crate) fn consistent(one: &Written, out_of_range: Option<String>) -> Result<(), Error> {
        let conflict = || {
            // By name first: what each policy was written as is dear to put together.
            let namesakes = policies().filter(|policy| one.name.is_some() && policy.name() == one.name);
            namesakes.map(Policy::written).filter(|other| other.shares_with(one)).find_map(|other| other.conflict(one))
        };
        match out_of_range.or_else(conflict) {
            Some(problem) => Err(super::misconfigured(problem)),
            None => Ok(()),
        }
    }
}
