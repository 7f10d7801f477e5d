//! A semaphore as the registry and an operator hold it.

use super::handle::{ZERO, as_written};
use super::{Limiter, Semaphore, Settings};
use crate::registry::in_force::Said;
#[cfg(feature = "config")]
use crate::registry::in_force::Subject;
use crate::registry::{Found, Handle, Slot, States, Written, all, find};
use crate::{Error, Keyed, Registry, Site};
use std::sync::Arc;
use std::time::Duration;

impl Semaphore {
    /// What errors and events call it: its name, or its call site. (Of an unnamed semaphore of no permits, which has
    /// no state, only the function.)
    ///
    /// ```
    /// assert_eq!(resil::Semaphore::new(2).name("reports").label(), "reports");
    /// ```
    pub fn label(&self) -> &'static str {
        Found::label(self)
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

impl Handle for Semaphore {
    fn written(&self) -> Written {
        let settings = as_written(self.permits, self.max_wait);
        Written { kind: "semaphore", name: self.name, site: self.site, settings }
    }

    fn name(&self) -> Option<&'static str> {
        self.name
    }

    fn out_of_range(&self) -> Option<String> {
        (self.permits == 0).then(|| format!("{}: {ZERO}", self.written()))
    }

    fn set_up(&self, states: &States) -> Result<(), Error> {
        self.look_up(states).map(drop)
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        Some(super::in_force::subject(self))
    }
}

impl Found for Semaphore {
    type State = Limiter;

    fn slot(&self) -> &Slot<Limiter> {
        &self.slot
    }

    fn new_state(&self, label: &'static str) -> Limiter {
        Limiter::new(label, self.permits, self.max_wait)
    }

    fn found(name: Option<&'static str>, limiter: Arc<Limiter>) -> Self {
        let Settings { permits, max_wait } = limiter.at_first;
        Self { name, site: &Site::UNKNOWN, permits, max_wait, said: Said::NOTHING, slot: Slot::found(Ok(limiter)) }
    }

    fn without_state(&self, error: Error) -> Self {
        let &Self { name, site, permits, max_wait, said, .. } = self;
        Self { name, site, permits, max_wait, said, slot: Slot::found(Err(error)) }
    }
}

impl Registry {
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
}
