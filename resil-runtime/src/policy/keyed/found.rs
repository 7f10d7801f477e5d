//! The policies that can be keyed, and the handles that the registry gives out.

use super::{Held, Keyed, Keys, OneKey};
use crate::registry::{Found, Owner, Policy, Slot, States, Written};
use crate::sync::Mutex;
use crate::{Error, Site};
use std::collections::HashMap;

/// A policy that can have a state for each key.
pub(crate) trait PerKey: Found<State: OneKey> {
    fn tables(states: &States) -> &Mutex<HashMap<Owner, &'static Keys<Self::State>>>;
    /// The keyed handle of this policy, if it is of this kind.
    fn keyed_on(policy: &Policy) -> Option<&'static Keyed<Self>>;
    fn site(&self) -> &'static Site;
    fn written(&self) -> Written;
    fn out_of_range(&self) -> Option<String>;
    /// What sets up the state of each key.
    fn new_state(&self, states: &States, label: &'static str) -> Box<dyn Fn() -> Self::State + Send + Sync>;
    /// A handle of one key's state.
    fn of_one_key(name: Option<&'static str>, held: Held<Self::State>) -> Self;
}

impl<P: PerKey> Found for Keyed<P> {
    type State = Keys<P::State>;

    fn all_of(states: &States) -> &Mutex<HashMap<Owner, &'static Self::State>> {
        P::tables(states)
    }

    fn on(policy: &Policy) -> Option<&'static Self> {
        P::keyed_on(policy)
    }

    fn name(&self) -> Option<&'static str> {
        self.name()
    }

    fn label(&self) -> &'static str {
        self.label()
    }

    fn set_up(&self, states: &States) -> Result<&'static Self::State, Error> {
        self.look_up(states)
    }

    fn found(name: Option<&'static str>, keys: &'static Self::State) -> Self {
        let max_keys = keys.max_keys();
        Self { policy: P::found(name, keys.shared()), max_keys, slot: Slot::found(Ok(keys)) }
    }

    fn without_state(&self, error: Error) -> Self {
        let policy = self.policy.without_state(error.clone());
        Self { policy, max_keys: self.max_keys, slot: Slot::found(Err(error)) }
    }
}
