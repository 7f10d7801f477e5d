//! The handles that the registry gives out.

use super::{Breaker, CircuitBreaker, Settings};
use crate::registry::{Found, Owner, Policy, Slot, States};
use crate::sync::Mutex;
use crate::{Error, Site};
use std::collections::HashMap;

impl CircuitBreaker {
    /// What errors and events call it: its name, or its call site. (Of an unnamed breaker whose settings are out of
    /// range, which has no state, only the function.)
    ///
    /// ```
    /// assert_eq!(resil::CircuitBreaker::named("payment").label(), "payment");
    /// ```
    pub fn label(&self) -> &'static str {
        self.name.or(self.breaker().ok().map(|breaker| breaker.label)).unwrap_or(self.site.function)
    }

    /// The settings that this handle was written with. All handles of a name have the same.
    ///
    /// ```
    /// use resil::{CircuitBreaker, Window};
    ///
    /// static PAYMENT: CircuitBreaker = CircuitBreaker::named("payment");
    /// assert_eq!(PAYMENT.configuration().window, Window::Calls(100), "the default");
    /// ```
    pub fn configuration(&self) -> Settings {
        self.settings
    }
}

impl Found for CircuitBreaker {
    type State = Breaker;

    fn all_of(states: &States) -> &Mutex<HashMap<Owner, &'static Breaker>> {
        &states.breakers
    }

    fn on(policy: &Policy) -> Option<&'static Self> {
        if let Policy::CircuitBreaker(breaker) = policy { Some(breaker) } else { None }
    }

    fn name(&self) -> Option<&'static str> {
        self.name
    }

    fn label(&self) -> &'static str {
        self.label()
    }

    fn set_up(&self, states: &States) -> Result<&'static Breaker, Error> {
        self.look_up(states)
    }

    fn found(name: Option<&'static str>, breaker: &'static Breaker) -> Self {
        Self { name, site: &Site::UNKNOWN, settings: *breaker.settings(), slot: Slot::found(Ok(breaker)) }
    }

    fn without_state(&self, error: Error) -> Self {
        Self { name: self.name, site: self.site, settings: self.settings, slot: Slot::found(Err(error)) }
    }
}
