//! The handles that the registry gives out.

use super::{Limiter, Semaphore};
use crate::registry::{Found, Owner, Policy, Slot, States};
use crate::sync::Mutex;
use crate::{Error, Site};
use std::collections::HashMap;
use std::time::Duration;

impl Semaphore {
    /// What errors and events call it: its name, or its call site. (Of an unnamed semaphore of no permits, which has
    /// no state, only the function.)
    ///
    /// ```
    /// assert_eq!(resil::Semaphore::new(2).name("reports").label(), "reports");
    /// ```
    pub fn label(&self) -> &'static str {
        self.name.or(self.limiter().ok().map(|limiter| limiter.label)).unwrap_or(self.site.function)
    }

    /// How long a call waits for a permit; zero where it is refused at once. The number of permits is in
    /// [`usage`](Self::usage).
    ///
    /// ```
    /// assert!(resil::Semaphore::new(2).longest_wait().is_zero(), "the default");
    /// ```
    pub fn longest_wait(&self) -> Duration {
        self.max_wait
    }
}

impl Found for Semaphore {
    type State = Limiter;

    fn all_of(states: &States) -> &Mutex<HashMap<Owner, &'static Limiter>> {
        &states.limiters
    }

    fn on(policy: &Policy) -> Option<&'static Self> {
        if let Policy::Semaphore(semaphore) = policy { Some(semaphore) } else { None }
    }

    fn name(&self) -> Option<&'static str> {
        self.name
    }

    fn label(&self) -> &'static str {
        self.label()
    }

    fn set_up(&self, states: &States) -> Result<&'static Limiter, Error> {
        self.look_up(states)
    }

    fn found(name: Option<&'static str>, limiter: &'static Limiter) -> Self {
        let &Limiter { max_wait, at_first, .. } = limiter;
        Self { name, site: &Site::UNKNOWN, permits: at_first, max_wait, slot: Slot::found(Ok(limiter)) }
    }

    fn without_state(&self, error: Error) -> Self {
        let &Self { name, site, permits, max_wait, .. } = self;
        Self { name, site, permits, max_wait, slot: Slot::found(Err(error)) }
    }
}
