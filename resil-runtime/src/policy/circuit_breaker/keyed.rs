//! A circuit for each key.

use super::{Breaker, CircuitBreaker, CircuitState, Pass};
use crate::policy::keyed::{Held, Keyed, Keys, Loss, OneKey, PerKey, hash_of};
use crate::registry::{Owner, Policy, Slot, States, Written};
use crate::sync::Mutex;
use crate::{Error, Site, clock};
use std::collections::HashMap;
use std::hash::Hash;

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
    pub fn admit(&self, key: &(impl Hash + ?Sized)) -> Result<Pass, Error> {
        self.hold(hash_of(key))?.state().admit()
    }
}

impl OneKey for Breaker {
    fn loss(&self) -> Loss {
        let now = self.circuit.snapshot(clock::now());
        match now.state {
            CircuitState::Closed if now.failures == 0 && now.slow == 0 => Loss::Nothing,
            CircuitState::Closed => Loss::Memory,
            _ => Loss::Protection,
        }
    }

    fn forget(&self) -> bool {
        self.circuit.forget()
    }
}

impl PerKey for CircuitBreaker {
    fn tables(states: &States) -> &Mutex<HashMap<Owner, &'static Keys<Breaker>>> {
        &states.keyed_breakers
    }

    fn keyed_on(policy: &Policy) -> Option<&'static Keyed<Self>> {
        if let Policy::KeyedCircuitBreaker(breaker) = policy { Some(breaker) } else { None }
    }

    fn site(&self) -> &'static Site {
        self.site
    }

    fn written(&self) -> Written {
        self.written()
    }

    fn out_of_range(&self) -> Option<String> {
        self.out_of_range()
    }

    fn new_state(&self, states: &States, label: &'static str) -> Box<dyn Fn() -> Breaker + Send + Sync> {
        let settings = states.interned(&self.settings);
        Box::new(move || Breaker::new(label, settings))
    }

    fn of_one_key(name: Option<&'static str>, held: Held<Breaker>) -> Self {
        let settings = *held.state().settings();
        Self { name, site: &Site::UNKNOWN, settings, slot: Slot::held(held) }
    }
}
