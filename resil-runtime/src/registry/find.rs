//! The registry as an operator holds it: every policy by name, every call site, and what happens.

use super::check::policies;
use super::{CallSite, Owner, Policy, States};
use crate::policy::retry::RetryBudget;
use crate::sync::{Mutex, Ordering, lock};
use crate::{Bulkhead, CircuitBreaker, Error, GuardMode, Keyed, Semaphore, clock};
use std::collections::HashMap;
use std::time::Duration;

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
    /// The circuit breaker of this name; `None` if no attribute writes it and no handle with it was used.
    ///
    /// A name that two attributes configure differently is found as well; every method of that handle answers
    /// [`Error::Misconfigured`].
    pub fn circuit_breaker(self, name: &str) -> Option<CircuitBreaker> {
        find(name)
    }

    /// All circuit breakers, also those without a name, sorted by label.
    pub fn circuit_breakers(self) -> Vec<CircuitBreaker> {
        all()
    }

    /// The circuit breaker that has a state for each key, as [`circuit_breaker`](Self::circuit_breaker) does it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
    /// use resil::{circuit_breaker, registry};
    ///
    /// #[circuit_breaker(name = "shops", key = shop)]
    /// async fn order(shop: u64) -> Result<(), resil::Error> { Ok(()) }
    ///
    /// if let Some(shops) = registry().keyed_circuit_breaker("shops") {
    ///     shops.of(&7_u64)?.force_open()?;
    ///     assert!(order(7).await.is_err());
    ///     assert!(order(8).await.is_ok());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn keyed_circuit_breaker(self, name: &str) -> Option<Keyed<CircuitBreaker>> {
        find(name)
    }

    /// All circuit breakers that have a state for each key, also those without a name, sorted by label.
    pub fn keyed_circuit_breakers(self) -> Vec<Keyed<CircuitBreaker>> {
        all()
    }

    /// The semaphore of this name, as [`circuit_breaker`](Self::circuit_breaker) does it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
    /// use resil::{registry, semaphore};
    ///
    /// #[semaphore(name = "exports", permits = 4)]
    /// async fn export() -> Result<(), resil::Error> { Ok(()) }
    ///
    /// if let Some(exports) = registry().semaphore("exports") {
    ///     exports.resize(2)?;
    ///     assert_eq!(exports.usage()?.limit, 2);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn semaphore(self, name: &str) -> Option<Semaphore> {
        find(name)
    }

    /// All semaphores, also those without a name, sorted by label.
    pub fn semaphores(self) -> Vec<Semaphore> {
        all()
    }

    /// The semaphore that has permits for each key, as [`circuit_breaker`](Self::circuit_breaker) does it.
    pub fn keyed_semaphore(self, name: &str) -> Option<Keyed<Semaphore>> {
        find(name)
    }

    /// All semaphores that have permits for each key, also those without a name, sorted by label.
    pub fn keyed_semaphores(self) -> Vec<Keyed<Semaphore>> {
        all()
    }

    /// The bulkhead of this name, as [`circuit_breaker`](Self::circuit_breaker) does it. Its threads start with the
    /// first call, not here.
    ///
    /// ```
    /// use resil::{bulkhead, registry};
    ///
    /// #[bulkhead(name = "images", threads = 2)]
    /// async fn draw() -> Result<(), resil::Error> { Ok(()) }
    ///
    /// # fn main() -> Result<(), resil::Error> {
    /// if let Some(images) = registry().bulkhead("images") {
    ///     println!("{} calls are waiting", images.usage()?.waiting);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn bulkhead(self, name: &str) -> Option<Bulkhead> {
        find(name)
    }

    /// All bulkheads, also those without a name, sorted by label.
    pub fn bulkheads(self) -> Vec<Bulkhead> {
        all()
    }

    /// Ends every bulkhead in order and at once, as [`Bulkhead::shutdown`] ends one: the last thing a service does.
    /// Answers how many calls were cut off. Never blocks the thread it is called on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use std::time::Duration;
    ///
    /// let cut_off = resil::registry().shutdown(Duration::from_secs(10)).await;
    /// # assert_eq!(cut_off, 0);
    /// # }
    /// ```
    pub async fn shutdown(self, within: Duration) -> u32 {
        let until = clock::after(clock::instant(), within);
        let bulkheads = self.bulkheads();
        bulkheads.iter().for_each(Bulkhead::close);
        let mut cut_off = 0;
        for bulkhead in &bulkheads {
            let left = until.saturating_duration_since(clock::instant());
            // One that is misconfigured has never run a call.
            cut_off += bulkhead.shutdown(left).await.unwrap_or(0);
        }
        cut_off
    }

    /// What happens from now on to external calls inside a transaction. The default is [`GuardMode::Deny`].
    ///
    /// ```
    /// use resil::{GuardMode, registry};
    ///
    /// registry().guard_transactions(GuardMode::Count); // for a look at how many there are
    /// assert_eq!(registry().calls_inside_transactions(), 0);
    /// ```
    pub fn guard_transactions(self, mode: GuardMode) {
        Self::with(|states| states.guard_mode.store(mode as u32, Ordering::Relaxed));
    }

    /// How many external calls inside a transaction there were so far, refused or let through.
    pub fn calls_inside_transactions(self) -> u64 {
        Self::with(|states| states.called_inside.load(Ordering::Relaxed))
    }

    /// The retry budgets that share a name, sorted by it.
    ///
    /// ```
    /// for budget in resil::registry().retry_budgets() {
    ///     println!("{:?}: {} of {}", budget.name, budget.tokens, budget.size);
    /// }
    /// ```
    pub fn retry_budgets(self) -> Vec<RetryBudget> {
        let now = clock::now();
        let mut budgets: Vec<RetryBudget> = Self::with(|states| {
            for name in policies().filter_map(Policy::budget_name) {
                states.budget(Owner::Name(name));
            }
            let known = lock(&states.budgets);
            known.iter().filter_map(|(owner, budget)| Some(RetryBudget::read(owner.name()?, budget, now))).collect()
        });
        budgets.sort_by_key(|budget| budget.name);
        budgets
    }

    /// Every annotated function of the program, in dependencies too, called or not, sorted by function. A generic
    /// function is one call site.
    ///
    /// ```
    /// use resil::{Policy, registry};
    ///
    /// for call_site in registry().call_sites() {
    ///     let bounded = call_site.policies().iter().any(|policy| matches!(policy, Policy::Timeout(_)));
    ///     if !bounded {
    ///         println!("waits forever: {}", call_site.site());
    ///     }
    /// }
    /// ```
    pub fn call_sites(self) -> Vec<&'static CallSite> {
        let mut all: Vec<_> = inventory::iter::<CallSite>.into_iter().collect();
        all.sort_by_key(|one| (one.site.function, one.site.file, one.site.line));
        all
    }
}

/// A handle that the registry finds and gives out.
pub(crate) trait Found: Sized + 'static {
    /// What its name stands for.
    type State: 'static;

    fn all_of(states: &States) -> &Mutex<HashMap<Owner, &'static Self::State>>;
    /// The handle of this policy, if it is of this kind.
    fn on(policy: &Policy) -> Option<&'static Self>;
    fn name(&self) -> Option<&'static str>;
    fn label(&self) -> &'static str;
    /// The state of this handle there.
    fn set_up(&self, states: &States) -> Result<&'static Self::State, Error>;
    /// A handle of this state.
    fn found(name: Option<&'static str>, state: &'static Self::State) -> Self;
    /// The same handle, to answer this error forever.
    fn without_state(&self, error: Error) -> Self;
}

fn find<T: Found>(name: &str) -> Option<T> {
    Registry::with(|states| {
        let used = || {
            let known = lock(T::all_of(states));
            let (owner, state) = known.iter().find(|(owner, _)| owner.name() == Some(name))?;
            Some(T::found(owner.name(), state))
        };
        let written = || {
            let handle = policies().filter_map(T::on).find(|handle| handle.name() == Some(name))?;
            Some(handle.set_up(states).map_or_else(|error| handle.without_state(error), |s| T::found(handle.name(), s)))
        };
        used().or_else(written)
    })
}

fn all<T: Found>() -> Vec<T> {
    Registry::with(|states| {
        let written = policies().filter_map(T::on);
        let mut all: Vec<T> =
            written.filter_map(|handle| Some(handle.without_state(handle.set_up(states).err()?))).collect();
        all.extend(lock(T::all_of(states)).iter().map(|(owner, state)| T::found(owner.name(), state)));
        all.sort_by_key(T::label);
        // A contradiction is found at each of its sites.
        all.dedup_by(|a, b| a.name().is_some() && a.name() == b.name());
        all
    })
}
