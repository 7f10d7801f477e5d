//! The registry as an operator holds it: every policy by name, every call site, and what happens.

use super::check::policies;
use super::handle::Found;
use super::{CallSite, Policy};

/// The policies of this process, for an operator: find them by name, read them, control them, watch them.
///
/// Get it from [`registry()`]. It prints as a report of everything: states, windows, settings and call sites.
///
/// What it gives out are handles of the same kind as the attributes use, so what is done to one reaches every annotated
/// call. A policy that an attribute names and nobody has called yet is found too, and set up by that. Policies made by
/// hand are found once they have been used.
///
/// On a thread with an isolated registry (`resil::testing`) all of this is about that one; a handle stays with the
/// registry it was found in.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
/// use resil::{CircuitState, circuit_breaker, registry};
///
/// #[circuit_breaker(name = "payment")]
/// async fn pay() -> std::io::Result<()> { Ok(()) }
///
/// let payment = registry().circuit_breaker("payment").expect("an attribute writes this name");
/// payment.force_open()?;
/// assert!(pay().await.is_err());
///
/// for breaker in registry().circuit_breakers() {
///     println!("{:?}: {:?}", breaker.label(), breaker.snapshot()?.state);
/// }
/// payment.reset()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Registry(());

/// Where every policy of this process can be found. See [`Registry`].
///
/// ```
/// println!("{}", resil::registry());
/// ```
pub const fn registry() -> Registry {
    Registry(())
}

impl Registry {
    /// Every annotated function of the program, in dependencies too, called or not, sorted by function. A generic
    /// function is one call site.
    ///
    /// ```
    /// use resil::{Timeout, registry};
    ///
    /// for call_site in registry().call_sites() {
    ///     let bounded = call_site.policies().iter().any(|policy| policy.downcast_ref::<Timeout>().is_some());
    ///     if !bounded {
    ///         println!("waits forever: {}", call_site.site());
    ///     }
    /// }
    /// ```
    pub fn call_sites(self) -> Vec<&'static CallSite> {
        let mut all: Vec<_> = inventory::iter::<CallSite>.into_iter().collect();
        all.sort_by_key(|one| (one.site().function, one.site().file, one.site().line));
        all
    }
}

/// The handle of this name; `None` if no attribute writes it and no handle with it was used.
pub(crate) fn find<T: Found>(name: &str) -> Option<T> {
    Registry::with(|states| {
        let used = || states.named(name).map(|(name, state)| T::found(Some(name), state));
        let written = || {
            let handle = of_call_sites::<T>().find(|handle| handle.name() == Some(name))?;
            Some(match handle.look_up(states) {
                Ok(state) => T::found(handle.name(), state),
                Err(error) => handle.without_state(error),
            })
        };
        used().or_else(written)
    })
}

/// All handles of a kind, sorted by label.
pub(crate) fn all<T: Found>() -> Vec<T> {
    Registry::with(|states| {
        // First, since looking up sets up what has not been called yet.
        let broken: Vec<T> = of_call_sites::<T>()
            .filter_map(|handle| Some(handle.without_state(handle.look_up(states).err()?)))
            .collect();
        let live = states.of_kind().into_iter().map(|(owner, state)| T::found(owner.name(), state));
        once_each(live, broken.into_iter())
    })
}

/// Sorted by label. Of one name there is one handle, a live one if there is one.
fn once_each<T: Found>(live: impl Iterator<Item = T>, broken: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = live.chain(broken).collect();
    // Stable, so that the live ones stay in front.
    all.sort_by_key(|one| (one.label(), one.name()));
    // A contradiction is found at each of its sites.
    all.dedup_by(|a, b| a.name().is_some() && a.name() == b.name());
    all
}

fn of_call_sites<T: Found>() -> impl Iterator<Item = &'static T> {
    policies().filter_map(Policy::downcast_ref)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bulkhead;
    use crate::registry::Handle;

    #[test]
    fn a_live_state_comes_before_a_site_that_contradicts_it() {
        let states = crate::registry::States::default();
        let handle = Bulkhead::new(2).name("live");
        let state = handle.look_up(&states).expect("alone");
        let broken = || {
            let contradiction = crate::registry::misconfigured("two settings".to_owned());
            Bulkhead::new(3).name("live").without_state(contradiction)
        };
        let unnamed = || Bulkhead::found(None, Bulkhead::new(1).look_up(&states).expect("of its own"));
        let live = [Bulkhead::found(Some("live"), state), unnamed(), unnamed()];
        let all = once_each(live.into_iter(), [broken(), broken()].into_iter());
        assert_eq!(all.iter().filter(|one| Handle::name(*one).is_none()).count(), 2);
        let named: Vec<_> = all.iter().filter(|one| Handle::name(*one).is_some()).collect();
        let [live] = named[..] else { panic!("{named:?}") };
        live.close();
        assert!(live.usage().is_ok_and(|usage| usage.limit == 2));
    }
}
