//! What of a semaphore can be set from outside.

use super::{Limiter, Semaphore};
use crate::registry::in_force::{Adjustable, Key, Put, Subject, Takes, Value, Values, no_bound, no_flaws, no_limit};
use crate::sync::Ordering;
use std::time::Duration;

pub(crate) static SEMAPHORE: Adjustable = Adjustable {
    name: "semaphore",
    words: "semaphore",
    has_names: true,
    is_stateless: false,
    // The place of each is what a handle marks as said.
    keys: &[
        Key::new("permits", Takes::Count(1, u32::MAX), "10").always_said(),
        Key::new("max_wait", Takes::Wait, "\"100ms\""),
    ],
    judge: no_flaws,
    beyond: no_bound,
    bound: no_limit,
};

pub(super) fn subject(handle: &Semaphore) -> Subject {
    let Semaphore { name, site, permits, max_wait, said, .. } = *handle;
    let values = [Some(Value::Count(permits)), Some(Value::Time(max_wait))];
    Subject::new(&SEMAPHORE, name, site, said.and(0), values, [None, Some(Value::Time(Duration::ZERO))])
}

impl Limiter {
    /// Nothing in use is revoked, and an operator's `resize` stays unless the number in force changes.
    pub(super) fn put(&self, values: &Values) -> Put {
        self.max_wait.set(values.time("max_wait"));
        let permits = values.count("permits").unwrap_or(self.at_first.permits);
        let is_new = self.settled.swap(permits, Ordering::Relaxed) != permits;
        Put { wakes: is_new && self.permits.set_limit(permits), ..Put::default() }
    }
}
