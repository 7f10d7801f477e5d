//! Names -> state. A static in an expansion is a handle of a call site; what it stands for lives here.

mod check;
pub(crate) mod events;
#[cfg(feature = "testing")]
pub(crate) mod isolated;
mod site;
mod slot;
mod written;

pub use check::check;
pub use site::Site;
pub(crate) use slot::Slot;
pub(crate) use written::Written;

use crate::policy::bulkhead::{Bulkhead, Pool};
use crate::policy::circuit_breaker::{Breaker, CircuitBreaker, Settings};
use crate::policy::deadline::Deadline;
use crate::policy::fallback::{Fallback, Kept};
use crate::policy::retry::{Budget, Retry};
use crate::policy::semaphore::{Limiter, Semaphore};
use crate::policy::timeout::Timeout;
use crate::sync::{AtomicBool, Mutex, Ordering, lock};
use crate::{Error, Misconfiguration};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// An annotated function, collected at link time whether or not it ever runs.
#[derive(Debug)]
#[doc(hidden)]
pub struct CallSite {
    pub site: &'static Site,
    pub policies: &'static [Policy],
}

/// A policy of a call site.
#[derive(Debug)]
#[doc(hidden)]
pub enum Policy {
    Fallback(&'static Fallback),
    Deadline(&'static Deadline),
    Retry(&'static Retry),
    CircuitBreaker(&'static CircuitBreaker),
    Semaphore(&'static Semaphore),
    Bulkhead(&'static Bulkhead),
    Timeout(&'static Timeout),
}

inventory::collect!(CallSite);

/// Whose state it is: everybody's who writes the name, or one handle's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Name(&'static str),
    /// The address of a static handle; two call sites never share one.
    Handle(usize),
}

/// All states by owner. One for the process, and one for each test that isolates itself.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    breakers: Mutex<HashMap<Owner, &'static Breaker>>,
    limiters: Mutex<HashMap<Owner, &'static Limiter>>,
    pools: Mutex<HashMap<Owner, &'static Pool>>,
    budgets: Mutex<HashMap<Owner, &'static Budget>>,
    /// Breakers with equal settings share them.
    settings: Mutex<Vec<&'static Settings>>,
    kept: Mutex<HashMap<Owner, &'static Kept>>,
    dials_are_bounded: AtomicBool,
    warned_of_dials: AtomicBool,
    /// What is a warning in production is an error here.
    #[cfg(feature = "testing")]
    strict: bool,
}

static GLOBAL: LazyLock<Registry> = LazyLock::new(Registry::default);

impl Registry {
    #[cfg(feature = "testing")]
    pub(crate) fn new(strict: bool) -> Self {
        Self { strict, ..Self::default() }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Runs `f` on this thread's isolated registry, or else the process's.
    pub(crate) fn with<R>(f: impl FnOnce(&Self) -> R) -> R {
        #[cfg(feature = "testing")]
        if let Some(registry) = isolated::current() {
            return f(&registry);
        }
        f(&GLOBAL)
    }

    /// The breaker of this owner. The first to ask sets it up; a later one must ask for the same.
    pub(crate) fn breaker(
        &self,
        owner: Owner,
        label: impl FnOnce() -> &'static str,
        settings: &Settings,
        written: &Written,
    ) -> Result<&'static Breaker, Error> {
        let mut breakers = lock(&self.breakers);
        let breaker = *breakers
            .entry(owner)
            // A breaker lives as long as its name does, which is as long as the process.
            .or_insert_with(|| Box::leak(Box::new(Breaker::new(label(), self.interned(settings)))));
        let first = Written { settings: breaker.settings().as_written(), ..*written };
        first.latecomer(written).map_or(Ok(breaker), |problem| Err(misconfigured(problem)))
    }

    /// The permits of this owner, in the same way.
    pub(crate) fn limiter(
        &self,
        owner: Owner,
        label: impl FnOnce() -> &'static str,
        permits: u32,
        written: Written,
    ) -> Result<&'static Limiter, Error> {
        let mut limiters = lock(&self.limiters);
        if let Some(limiter) = limiters.get(&owner) {
            return limiter.written.latecomer(&written).map_or(Ok(*limiter), |problem| Err(misconfigured(problem)));
        }
        let limiter: &'static Limiter = Box::leak(Box::new(Limiter::new(label(), permits, written)));
        limiters.insert(owner, limiter);
        Ok(limiter)
    }

    /// The threads of this owner, in the same way.
    pub(crate) fn pool(
        &self,
        owner: Owner,
        written: &Written,
        new: impl FnOnce() -> Pool,
    ) -> Result<&'static Pool, Error> {
        let pool = *lock(&self.pools).entry(owner).or_insert_with(|| Box::leak(Box::new(new())));
        pool.written.latecomer(written).map_or(Ok(pool), |problem| Err(misconfigured(problem)))
    }

    fn interned(&self, settings: &Settings) -> &'static Settings {
        let mut all = lock(&self.settings);
        if let Some(equal) = all.iter().find(|known| **known == settings) {
            return equal;
        }
        let new: &'static Settings = Box::leak(Box::new(*settings));
        all.push(new);
        new
    }

    pub(crate) fn budget(&self, owner: Owner) -> &'static Budget {
        lock(&self.budgets).entry(owner).or_insert_with(|| Box::leak(Box::new(Budget::full())))
    }

    /// The last good values of a fallback.
    pub(crate) fn kept(&self, owner: Owner) -> &'static Kept {
        lock(&self.kept).entry(owner).or_insert_with(|| Box::leak(Box::default()))
    }

    /// Something in this process can enforce a bound on connecting.
    pub(crate) fn dials_are_bounded(&self) {
        self.dials_are_bounded.store(true, Ordering::Relaxed);
    }

    /// Whether a `connect` bound has nothing that enforces it.
    pub(crate) fn connect_is_unenforced(&self) -> bool {
        !self.dials_are_bounded.load(Ordering::Relaxed)
    }

    /// True once.
    pub(crate) fn warn_of_dials(&self) -> bool {
        !self.warned_of_dials.swap(true, Ordering::Relaxed)
    }
}

pub(crate) fn misconfigured(problem: String) -> Error {
    Error::Misconfigured(Arc::new(Misconfiguration::new(vec![problem])))
}
