//! Names -> state. A static in an expansion is a handle of a call site; what it stands for lives here.

mod check;
mod event;
pub(crate) mod events;
mod find;
#[cfg(feature = "testing")]
pub(crate) mod isolated;
mod policy;
mod report;
mod site;
mod slot;
mod stream;
mod written;

pub use check::check;
#[cfg(feature = "sqlx")]
pub(crate) use check::policies;
pub use event::Event;
pub(crate) use find::Found;
pub use find::{Registry, registry};
pub use site::Site;
pub(crate) use slot::Slot;
pub use stream::Events;
pub(crate) use written::Written;

use crate::policy::bulkhead::{Bulkhead, Pool};
use crate::policy::circuit_breaker::{Breaker, CircuitBreaker, Settings};
use crate::policy::deadline::Deadline;
use crate::policy::fallback::{Fallback, Kept};
use crate::policy::keyed::{Keyed, Keys, OneKey};
use crate::policy::retry::{Budget, Retry};
use crate::policy::semaphore::{Limiter, Semaphore};
use crate::policy::timeout::Timeout;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Mutex, Ordering, lock};
use crate::{Error, GuardMode, Misconfiguration, TransactionGuard};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// An annotated function of the program, collected at link time whether or not it ever runs.
///
/// It prints as its [`Site`], then one line for each policy. See [`Registry::call_sites`].
#[derive(Debug)]
pub struct CallSite {
    site: &'static Site,
    policies: &'static [Policy],
}

/// A policy of a [`CallSite`]: the very handle that the attribute expands to.
///
/// It prints as one line: kind, name and settings.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Policy {
    /// `#[outside_transaction]`
    TransactionGuard(&'static TransactionGuard),
    /// `#[fallback]`
    Fallback(&'static Fallback),
    /// `#[deadline]`
    Deadline(&'static Deadline),
    /// `#[retry]`
    Retry(&'static Retry),
    /// `#[circuit_breaker]`
    CircuitBreaker(&'static CircuitBreaker),
    /// `#[circuit_breaker(key = ..)]`
    KeyedCircuitBreaker(&'static Keyed<CircuitBreaker>),
    /// `#[semaphore]`
    Semaphore(&'static Semaphore),
    /// `#[semaphore(key = ..)]`
    KeyedSemaphore(&'static Keyed<Semaphore>),
    /// `#[bulkhead]`
    Bulkhead(&'static Bulkhead),
    /// `#[timeout]`
    Timeout(&'static Timeout),
    /// `#[transactional]`
    #[cfg(feature = "sqlx")]
    Transactional(&'static crate::Transactional),
    /// `#[durable]`
    #[cfg(feature = "sqlx")]
    Durable(&'static crate::ledger::Durable),
}

inventory::collect!(CallSite);

/// Whose state it is: everybody's who writes the name, or one handle's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Name(&'static str),
    /// The address of a static handle; two call sites never share one.
    Handle(usize),
}

impl Owner {
    /// Of a policy without a name, its handle, which must be a static.
    pub(crate) fn of<P>(name: Option<&'static str>, handle: &P) -> Self {
        name.map_or_else(|| Self::Handle(std::ptr::from_ref(handle).addr()), Self::Name)
    }

    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Handle(_) => None,
        }
    }
}

/// All states by owner. One for the process, and one for each test that isolates itself.
#[derive(Debug, Default)]
pub(crate) struct States {
    pub(crate) breakers: Mutex<HashMap<Owner, &'static Breaker>>,
    pub(crate) limiters: Mutex<HashMap<Owner, &'static Limiter>>,
    pub(crate) keyed_breakers: Mutex<HashMap<Owner, &'static Keys<Breaker>>>,
    pub(crate) keyed_limiters: Mutex<HashMap<Owner, &'static Keys<Limiter>>>,
    pub(crate) pools: Mutex<HashMap<Owner, &'static Pool>>,
    budgets: Mutex<HashMap<Owner, &'static Budget>>,
    /// Breakers with equal settings share them.
    settings: Mutex<Vec<&'static Settings>>,
    kept: Mutex<HashMap<Owner, &'static Kept>>,
    dials_are_bounded: AtomicBool,
    warned_of_dials: AtomicBool,
    #[cfg(feature = "reqwest")]
    warned_of_proofs: AtomicBool,
    guard_mode: AtomicU32,
    called_inside: AtomicU64,
    stream: stream::Stream,
    /// Set by `resil::testing` alone.
    strict: bool,
}

static GLOBAL: LazyLock<States> = LazyLock::new(States::default);

impl Registry {
    /// Runs `f` on this thread's isolated states, or else the process's.
    pub(crate) fn with<R>(f: impl FnOnce(&States) -> R) -> R {
        #[cfg(feature = "testing")]
        if let Some(states) = isolated::current() {
            return f(&states);
        }
        f(&GLOBAL)
    }
}

impl States {
    #[cfg(feature = "testing")]
    pub(crate) fn new(strict: bool) -> Self {
        Self { strict, ..Self::default() }
    }

    /// Whether what is a warning in production is an error here.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
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
        (permits, max_wait): (u32, Duration),
        written: &Written,
    ) -> Result<&'static Limiter, Error> {
        let limiter = *lock(&self.limiters)
            .entry(owner)
            .or_insert_with(|| Box::leak(Box::new(Limiter::new(label(), permits, max_wait))));
        let first = Written { settings: limiter.as_written(), ..*written };
        first.latecomer(written).map_or(Ok(limiter), |problem| Err(misconfigured(problem)))
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

    /// The states of all keys of this owner, in the same way.
    pub(crate) fn keys<T: OneKey>(
        tables: &Mutex<HashMap<Owner, &'static Keys<T>>>,
        owner: Owner,
        written: &Written,
        new: impl FnOnce() -> Keys<T>,
    ) -> Result<&'static Keys<T>, Error> {
        let keys = *lock(tables).entry(owner).or_insert_with(|| Box::leak(Box::new(new())));
        keys.written.latecomer(written).map_or(Ok(keys), |problem| Err(misconfigured(problem)))
    }

    pub(crate) fn interned(&self, settings: &Settings) -> &'static Settings {
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

    /// Counts an external call inside a transaction; what is to be done about it.
    pub(crate) fn called_inside(&self) -> GuardMode {
        self.called_inside.fetch_add(1, Ordering::Relaxed);
        GuardMode::of(self.guard_mode.load(Ordering::Relaxed))
    }

    /// True once.
    pub(crate) fn warn_of_dials(&self) -> bool {
        !self.warned_of_dials.swap(true, Ordering::Relaxed)
    }

    /// True once.
    #[cfg(feature = "reqwest")]
    pub(crate) fn warn_of_proofs(&self) -> bool {
        !self.warned_of_proofs.swap(true, Ordering::Relaxed)
    }
}

pub(crate) fn misconfigured(problem: String) -> Error {
    Error::Misconfigured(Arc::new(Misconfiguration::new(vec![problem])))
}
