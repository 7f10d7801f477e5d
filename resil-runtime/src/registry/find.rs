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
        let broken =
            of_call_sites::<T>().filter_map(|handle| Some(handle.without_state(handle.look_up(states).err()?)));
        let mut all: Vec<T> = broken.collect();
        all.extend(states.of_kind().into_iter().map(|(owner, state)| T::found(owner.name(), state)));
        all.sort_by_key(T::label);
        // A contradiction is found at each of its sites.
        all.dedup_by(|a, b| a.name().is_some() && a.name() == b.name());
        all
    })
}

fn of_call_sites<T: Found>() -> impl Iterator<Item = &'static T> {
    policies().filter_map(Policy::downcast_ref)
}
