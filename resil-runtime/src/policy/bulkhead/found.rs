//! The handles that the registry gives out.

use super::{Bulkhead, Pool};
use crate::Error;
use crate::registry::{Found, Owner, Policy, Slot, States};
use crate::sync::Mutex;
use std::collections::HashMap;

impl Bulkhead {
    /// What errors and events call it: its name, or its call site. (Of an unnamed bulkhead whose settings are out of
    /// range, which has no state, only the function.)
    ///
    /// ```
    /// assert_eq!(resil::Bulkhead::new(2).name("reports").label(), "reports");
    /// ```
    pub fn label(&self) -> &'static str {
        self.name.or(self.pool().ok().map(|pool| pool.label)).unwrap_or(self.site.function)
    }
}

impl Found for Bulkhead {
    type State = Pool;

    fn all_of(states: &States) -> &Mutex<HashMap<Owner, &'static Pool>> {
        &states.pools
    }

    fn on(policy: &Policy) -> Option<&'static Self> {
        if let Policy::Bulkhead(bulkhead) = policy { Some(bulkhead) } else { None }
    }

    fn name(&self) -> Option<&'static str> {
        self.name
    }

    fn label(&self) -> &'static str {
        self.label()
    }

    fn set_up(&self, states: &States) -> Result<&'static Pool, Error> {
        self.look_up(states)
    }

    fn found(name: Option<&'static str>, pool: &'static Pool) -> Self {
        let &Pool { threads, limit, queue, max_wait, .. } = pool;
        let (max_concurrent, slot) = (Some(limit), Slot::found(Ok(pool)));
        Self { name, site: pool.written.site, threads, max_concurrent, queue, max_wait, slot }
    }

    fn without_state(&self, error: Error) -> Self {
        let &Self { name, site, threads, max_concurrent, queue, max_wait, .. } = self;
        Self { name, site, threads, max_concurrent, queue, max_wait, slot: Slot::found(Err(error)) }
    }
}
