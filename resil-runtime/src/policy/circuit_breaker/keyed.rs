//! A circuit for each key.

use super::{Breaker, CircuitBreaker, Pass};
use crate::policy::keyed::{HeldKey, Keyed, Loss, OneKey, PerKey, hash_of};
use crate::registry::Slot;
use crate::registry::in_force::Said;
use crate::{Error, Site, clock};
use std::hash::Hash;
use std::sync::Arc;

impl CircuitBreaker {
    /// A circuit for each key, for at most this many keys; see [`Keyed`].
    pub const fn keyed(self, max_keys: u32) -> Keyed<Self> {
        Keyed::new(self, max_keys)
    }
}

impl Keyed<CircuitBreaker> {
    /// Asks the circuit of this key for permission to make one call, as [`CircuitBreaker::admit`] does.
    ///
    /// # Errors
    ///
    /// As [`CircuitBreaker::admit`].
    ///
    /// ```
    /// # fn main() -> Result<(), resil::Error> {
    /// use resil::{CircuitBreaker, Keyed};
    ///
    /// static TENANTS: Keyed<CircuitBreaker> = CircuitBreaker::named("tenants").keyed(1_000);
    ///
    /// let pass = TENANTS.admit("acme")?;
    /// pass.record(None); // a success
    /// # Ok(()) }
    /// ```
    pub fn admit(&self, key: &(impl Hash + ?Sized)) -> Result<Pass<'_>, Error> {
        self.hold(hash_of(key))?.state().admit()
    }
}

impl OneKey for Breaker {
    const TABLE: &'static str = "keyed circuit breaker";
    const BUSY: &'static str = "not closed";
    #[cfg(feature = "dashboard")]
    const KIND: &'static str = "circuit_breaker";
    #[cfg(feature = "dashboard")]
    const BUSY_IS_TROUBLE: bool = true;

    fn loss(&self) -> Loss {
        let now = self.circuit.snapshot(clock::now());
        if now.state != self.resting() {
            Loss::Protection
        } else if now.failures == 0 && now.slow == 0 {
            Loss::Nothing
        } else {
            Loss::Memory
        }
    }

    fn forget(&self) -> bool {
        self.circuit.forget(self.resting())
    }
}

impl PerKey for CircuitBreaker {
    fn each_state(&self, label: &'static str) -> Box<dyn Fn() -> Breaker + Send + Sync> {
        let settings = self.settings.shared();
        Box::new(move || Breaker::new(label, Arc::clone(&settings)))
    }

    fn of_one_key(name: Option<&'static str>, held: HeldKey<Breaker>) -> Self {
        let settings = *held.get().settings();
        Self { name, site: &Site::UNKNOWN, settings, said: Said::NOTHING, slot: Slot::lent(held) }
    }
}
