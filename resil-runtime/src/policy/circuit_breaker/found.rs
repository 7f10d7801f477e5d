//! A breaker as the registry and an operator hold it.

use super::{Breaker, CircuitBreaker, Invalid, Settings};
use crate::registry::in_force::Said;
#[cfg(feature = "config")]
use crate::registry::in_force::Subject;
use crate::registry::{Found, Handle, Slot, States, Written, all, find};
use crate::{Error, Keyed, Registry, Site};
use std::sync::Arc;

impl CircuitBreaker {
    /// What errors and events call it: its name, or its call site. (Of an unnamed breaker whose settings are out of
    /// range, which has no state, only the function.)
    ///
    /// ```
    /// assert_eq!(resil::CircuitBreaker::named("payment").label(), "payment");
    /// ```
    pub fn label(&self) -> &'static str {
        Found::label(self)
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

impl Handle for CircuitBreaker {
    fn written(&self) -> Written {
        let settings = self.settings.as_written();
        Written { kind: "circuit breaker", name: self.name, site: self.site, settings }
    }

    fn name(&self) -> Option<&'static str> {
        self.name
    }

    fn out_of_range(&self) -> Option<String> {
        let Invalid { messages } = self.settings.validate().err()?;
        Some(format!("{} at {}: {}", self.written(), self.site, messages.join("; ")))
    }

    fn set_up(&self, states: &States) -> Result<(), Error> {
        self.look_up(states).map(drop)
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        Some(super::in_force::subject(self))
    }
}

impl Found for CircuitBreaker {
    type State = Breaker;

    fn slot(&self) -> &Slot<Breaker> {
        &self.slot
    }

    fn new_state(&self, label: &'static str) -> Breaker {
        Breaker::new(label, self.settings.shared())
    }

    fn found(name: Option<&'static str>, breaker: Arc<Breaker>) -> Self {
        Self {
            name,
            site: &Site::UNKNOWN,
            settings: *breaker.settings(),
            said: Said::NOTHING,
            slot: Slot::found(Ok(breaker)),
        }
    }

    fn without_state(&self, error: Error) -> Self {
        Self {
            name: self.name,
            site: self.site,
            settings: self.settings,
            said: self.said,
            slot: Slot::found(Err(error)),
        }
    }
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
}
