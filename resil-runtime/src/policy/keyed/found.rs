//! The policies that can be keyed, and the handles that the registry gives out.

use super::{HeldKey, Keyed, Keys, OneKey};
use crate::Error;
#[cfg(feature = "config")]
use crate::registry::in_force::Subject;
use crate::registry::{Found, Handle, Slot, States, Written};
use std::sync::Arc;

/// A policy that can have a state for each key.
pub(crate) trait PerKey: Found<State: OneKey> {
    /// What sets up the state of each key.
    fn each_state(&self, label: &'static str) -> Box<dyn Fn() -> Self::State + Send + Sync>;
    /// A handle of one key's state.
    fn of_one_key(name: Option<&'static str>, held: HeldKey<Self::State>) -> Self;
}

impl<P: PerKey> Handle for Keyed<P> {
    fn written(&self) -> Written {
        let mut written = self.policy.written();
        written.settings.push(("max_keys", self.max_keys.to_string()));
        written
    }

    fn name(&self) -> Option<&'static str> {
        self.policy.name()
    }

    fn out_of_range(&self) -> Option<String> {
        let none = || format!("{}: `max_keys = 0` leaves no key a state: write 1 or more", self.policy.written());
        self.policy.out_of_range().or_else(|| (self.max_keys == 0).then(none))
    }

    fn set_up(&self, states: &States) -> Result<(), Error> {
        self.look_up(states).map(drop)
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        self.policy.subject()
    }
}

impl<P: PerKey> Found for Keyed<P> {
    type State = Keys<P::State>;

    fn slot(&self) -> &Slot<Keys<P::State>> {
        &self.slot
    }

    fn new_state(&self, label: &'static str) -> Keys<P::State> {
        Keys::new(label, self.written(), self.max_keys, self.policy.each_state(label))
    }

    fn found(name: Option<&'static str>, keys: Arc<Keys<P::State>>) -> Self {
        let max_keys = keys.max_keys();
        // To be read, never to be asked: it has the settings of every key.
        let policy = P::of_one_key(name, keys.hold_shared());
        Self { policy, max_keys, slot: Slot::found(Ok(keys)) }
    }

    fn without_state(&self, error: Error) -> Self {
        let policy = self.policy.without_state(error.clone());
        Self { policy, max_keys: self.max_keys, slot: Slot::found(Err(error)) }
    }
}
