use super::{CallSite, Handle, Policy, Registry, Written};
use crate::{Error, Misconfiguration, clock};

/// Checks every annotated function of the program, called or not: the first line of `main`.
///
/// Call sites are collected at link time, from dependencies too. Without this call, each call through a circuit breaker, a
/// semaphore, a bulkhead or a transaction with such a problem returns
/// [`Error::Misconfigured`](crate::Error::Misconfigured), before anything is sent; of the others nobody tells.
/// It also calibrates the clock, some milliseconds that the first call would otherwise wait for.
///
/// # Errors
///
/// [`Misconfiguration`] with one sentence for each policy that two sites configure differently, each setting out of
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
    let mut problems: Vec<String> = policies().filter_map(|policy| policy.handle().out_of_range()).collect();
    problems.extend(inventory::iter::<CallSite>.into_iter().flat_map(beyond_the_deadline));
    let mut written: Vec<Written> = policies().map(Policy::written).collect();
    written.sort_by_key(|one| (one.kind, one.name, one.site.file, one.site.line));
    let conflicts = written.chunk_by(Written::shares_with).filter_map(<[_]>::split_first);
    problems.extend(conflicts.flat_map(|(first, others)| others.iter().filter_map(|other| first.conflict(other))));
    if problems.is_empty() { Ok(()) } else { Err(Misconfiguration::new(problems)) }
}

pub(crate) fn policies() -> impl Iterator<Item = &'static Policy> {
    inventory::iter::<CallSite>.into_iter().flat_map(CallSite::policies)
}

/// What can never happen before the deadline above it.
fn beyond_the_deadline(call_site: &CallSite) -> impl Iterator<Item = String> {
    let handles = || call_site.policies().iter().map(Policy::handle);
    let deadline = handles().find_map(Handle::deadline).filter(|limit| !limit.is_zero());
    deadline.into_iter().flat_map(move |deadline| handles().filter_map(move |handle| handle.beyond(deadline)))
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
