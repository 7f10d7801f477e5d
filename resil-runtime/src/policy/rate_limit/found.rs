//! A rate limit as the registry and an operator hold it.

use super::{Hub, Limiter, Plan, RateLimit, Settings};
use crate::registry::in_force::Said;
#[cfg(feature = "config")]
use crate::registry::in_force::Subject;
use crate::registry::{Found, Handle, Slot, States, Written, all, find};
use crate::{Error, Keyed, Registry, Site};
use std::sync::Arc;

impl RateLimit {
    /// What errors and events call it: its name, or its call site. (Of an unnamed one that lets nothing through, which has
    /// no state, only the function.)
    ///
    /// ```
    /// use resil::policy::rate_limit::Rate;
    ///
    /// assert_eq!(resil::RateLimit::new(Rate::per_second(100)).name("bank").label(), "bank");
    /// ```
    pub fn label(&self) -> &'static str {
        Found::label(self)
    }

    /// What it was set up with.
    pub fn settings(&self) -> Settings {
        self.settings
    }
}

impl RateLimit {
    /// Why it shares its rate with nobody.
    fn is_alone(&self) -> Option<&'static str> {
        if self.name.is_none() {
            return Some("`fleet` shares the rate by its name, and it has none: write `name = \"partner\"`");
        }
        let is_installed = Registry::with(Hub::of).is_installed();
        (!is_installed).then_some(
            "`fleet` needs a store that all processes share: write `Fleet::on(&db).await?.install()?` at start, before `resil::check()`",
        )
    }
}

impl Handle for RateLimit {
    fn written(&self) -> Written {
        Written { kind: "rate limit", name: self.name, site: self.site, settings: self.settings.written() }
    }

    fn name(&self) -> Option<&'static str> {
        self.name
    }

    fn out_of_range(&self) -> Option<String> {
        let problem = self.settings.out_of_range().or_else(|| self.settings.fleet.and_then(|_| self.is_alone()));
        problem.map(|problem| format!("{}: {problem}", self.written()))
    }

    fn set_up(&self, states: &States) -> Result<(), Error> {
        self.look_up(states).map(drop)
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        Some(super::in_force::subject(self))
    }
}

impl Found for RateLimit {
    type State = Limiter;

    fn slot(&self) -> &Slot<Limiter> {
        &self.slot
    }

    fn new_state(&self, label: &'static str) -> Limiter {
        Limiter::new(Arc::new(Plan::new(label, self.settings)))
    }

    fn found(name: Option<&'static str>, limiter: Arc<Limiter>) -> Self {
        let settings = limiter.plan.settings;
        Self { name, site: &Site::UNKNOWN, settings, said: Said::NOTHING, slot: Slot::found(Ok(limiter)) }
    }

    fn without_state(&self, error: Error) -> Self {
        let &Self { name, site, settings, said, .. } = self;
        Self { name, site, settings, said, slot: Slot::found(Err(error)) }
    }
}

impl Registry {
    /// The rate limit of this name, as [`circuit_breaker`](Self::circuit_breaker) does it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
    /// use resil::{rate_limit, registry};
    /// use std::time::Duration;
    ///
    /// #[rate_limit("100/s", name = "quotes")]
    /// async fn quote() -> Result<(), resil::Error> { Ok(()) }
    ///
    /// if let Some(quotes) = registry().rate_limit("quotes") {
    ///     assert_eq!(quotes.usage()?.tokens, 100);
    ///     quotes.pause(Duration::from_secs(5))?;
    ///     assert!(quote().await.is_err());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn rate_limit(self, name: &str) -> Option<RateLimit> {
        find(name)
    }

    /// All rate limits, also those without a name, sorted by label.
    pub fn rate_limits(self) -> Vec<RateLimit> {
        all()
    }

    /// The rate limit that has tokens for each key, as [`circuit_breaker`](Self::circuit_breaker) does it.
    pub fn keyed_rate_limit(self, name: &str) -> Option<Keyed<RateLimit>> {
        find(name)
    }

    /// All rate limits that have tokens for each key, also those without a name, sorted by label.
    pub fn keyed_rate_limits(self) -> Vec<Keyed<RateLimit>> {
        all()
    }
}
