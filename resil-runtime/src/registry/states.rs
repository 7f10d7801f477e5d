//! All states by owner. One for the process, and one for each test that isolates itself.

use super::handle::{Handle, Shared};
#[cfg(feature = "config")]
use super::in_force::{Layers, Subject, Wrote};
use super::stream::Stream;
use super::{Registry, Written, misconfigured};
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Mutex, Ordering, lock};
use crate::{Error, Site};
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

/// Whose state it is: everybody's who writes the name, or one handle's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Owner {
    Name(&'static str),
    /// One number for both kinds of handle: so an owner takes no more room than a name.
    Handle(u64),
}

impl Owner {
    /// The number of the handle's slot.
    pub(crate) fn slot(number: u64) -> Self {
        Self::Handle(number << 1 | 1)
    }

    /// The address of a handle that is a static. It is even.
    pub(crate) fn at(address: usize) -> Self {
        Self::Handle(address as u64 & !1)
    }

    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Handle(_) => None,
        }
    }
}

/// Who has which state of one kind.
type OfKind = HashMap<Owner, Entry>;

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) state: Arc<dyn Shared>,
    /// What the first handle wrote, if it can be set from outside.
    #[cfg(feature = "config")]
    pub(super) wrote: Option<Wrote>,
}

#[derive(Debug, Default)]
pub struct States {
    /// What was said outside. It is locked before `all`, so that no state is set up by what is no longer said.
    #[cfg(feature = "config")]
    pub(super) layers: Mutex<Arc<Layers>>,
    #[cfg(feature = "config")]
    pub(super) remembered: super::in_force::Remembered,
    all: Mutex<HashMap<TypeId, OfKind>>,
    pub(super) stream: Stream,
    pub(super) seen: Mutex<super::condition::Seen>,
    /// Told of each transition and each setting: for whoever shows them.
    #[cfg(feature = "dashboard")]
    touched: tokio::sync::watch::Sender<()>,
    pub(super) databases: Mutex<Vec<Weak<dyn super::backlog::Watched>>>,
    /// Whether the ends of failed calls tell the text of the error.
    pub(super) tells_errors: AtomicBool,
    #[cfg(feature = "tracing")]
    pub(super) lines: Mutex<super::log::Lines>,
    dials_are_bounded: AtomicBool,
    warned_of_dials: AtomicBool,
    /// How many connections were made outside of any call, and where the last one was.
    dialled_outside: AtomicU32,
    last_outside: Mutex<Option<&'static Site>>,
    warned_of_dials_outside: AtomicBool,
    #[cfg(feature = "reqwest")]
    warned_of_proofs: AtomicBool,
    pub(crate) guard_mode: AtomicU32,
    pub(crate) called_inside: AtomicU64,
    /// Set by `resil::testing` alone.
    strict: bool,
    /// In a test, states that a handle has lent out: they outlive the test.
    #[cfg(feature = "testing")]
    lent: Mutex<HashMap<usize, &'static (dyn Any + Send + Sync)>>,
}

static OF_PROCESS: LazyLock<States> = LazyLock::new(States::default);

impl Registry {
    /// Runs `f` on this thread's isolated states, or else the process's.
    pub(crate) fn with<R>(f: impl FnOnce(&States) -> R) -> R {
        #[cfg(feature = "testing")]
        if let Some(states) = super::isolated::current() {
            return f(&states);
        }
        f(&OF_PROCESS)
    }
}

impl States {
    #[cfg(feature = "testing")]
    pub(crate) fn new(strict: bool) -> Self {
        let mut states = Self::default();
        states.strict = strict;
        states
    }

    /// The state of this owner. The first to ask sets it up; a later one must ask for the same.
    pub(crate) fn agreed<T: Shared>(
        &self,
        owner: Owner,
        written: &Written,
        handle: &impl Handle,
        new: impl FnOnce() -> T,
    ) -> Result<Arc<T>, Error> {
        let state = self.adjusted(owner, handle, new);
        match state.written().latecomer(written) {
            Some(problem) => Err(misconfigured(problem)),
            None => Ok(state),
        }
    }

    /// The state of this owner, whatever it was set up with.
    pub(crate) fn state<T: Shared>(&self, owner: Owner, new: impl FnOnce() -> T) -> Arc<T> {
        let entry = |state: &Arc<T>| Entry {
            state: Arc::<T>::clone(state),
            #[cfg(feature = "config")]
            wrote: None,
        };
        self.known_or(owner, new, entry)
    }

    /// The same, with what is set from outside of this handle.
    #[cfg(not(feature = "config"))]
    pub(crate) fn adjusted<T: Shared>(&self, owner: Owner, _: &impl Handle, new: impl FnOnce() -> T) -> Arc<T> {
        self.state(owner, new)
    }

    /// The same, with what is set from outside of this handle.
    #[cfg(feature = "config")]
    pub(crate) fn adjusted<T: Shared>(&self, owner: Owner, handle: &impl Handle, new: impl FnOnce() -> T) -> Arc<T> {
        let mut put = None;
        let layers = lock(&self.layers);
        let entry = |state: &Arc<T>| {
            let subject = handle.subject().map(Subject::united);
            put = subject.as_ref().map(|subject| subject.put_first(&layers, &**state));
            Entry { state: Arc::<T>::clone(state), wrote: subject.as_ref().map(Subject::wrote) }
        };
        let state = self.known_or(owner, new, entry);
        drop(layers);
        if let Some(put) = put {
            put.finish(&*state, None);
        }
        state
    }

    fn known_or<T: Shared>(
        &self,
        owner: Owner,
        new: impl FnOnce() -> T,
        entry: impl FnOnce(&Arc<T>) -> Entry,
    ) -> Arc<T> {
        let mut all = lock(&self.all);
        let of_kind = all.entry(TypeId::of::<T>()).or_default();
        if let Some(known) = of_kind.get(&owner).and_then(typed) {
            return known;
        }
        let new = Arc::new(new());
        of_kind.insert(owner, entry(&new));
        new
    }

    /// The state of this owner, if there is one.
    pub(crate) fn known<T: Shared>(&self, owner: Owner) -> Option<Arc<T>> {
        lock(&self.all).get(&TypeId::of::<T>())?.get(&owner).and_then(typed)
    }

    /// All states of a kind.
    pub(crate) fn of_kind<T: Shared>(&self) -> Vec<(Owner, Arc<T>)> {
        let all = lock(&self.all);
        let of_kind = all.get(&TypeId::of::<T>()).into_iter().flatten();
        of_kind.filter_map(|(owner, entry)| Some((*owner, typed(entry)?))).collect()
    }

    /// The state of this name.
    pub(super) fn named<T: Shared>(&self, name: &str) -> Option<(&'static str, Arc<T>)> {
        self.of_kind()
            .into_iter()
            .find_map(|(owner, state)| Some((owner.name().filter(|known| *known == name)?, state)))
    }

    /// Every state, whatever its kind.
    pub(super) fn every(&self) -> Vec<Arc<dyn Shared>> {
        self.entries().into_iter().map(|(_, entry)| entry.state).collect()
    }

    pub(super) fn entries(&self) -> Vec<(Owner, Entry)> {
        lock(&self.all).values().flatten().map(|(owner, entry)| (*owner, entry.clone())).collect()
    }

    fn remove(&self, kind: TypeId, owner: Owner) {
        let gone = lock(&self.all).get_mut(&kind).and_then(|of_kind| of_kind.remove(&owner));
        // Outside the lock: what it holds may be the user's.
        drop(gone);
    }

    /// Lends a state forever: a handle in a test must not remember it, and has nothing else to lend it from.
    #[cfg(feature = "testing")]
    pub(super) fn lend<T: Shared>(&self, state: Arc<T>) -> &'static T {
        let number = Arc::as_ptr(&state).addr();
        let mut lent = lock(&self.lent);
        if let Some(lent) = lent.get(&number).and_then(|lent| lent.downcast_ref::<Arc<T>>()) {
            return lent;
        }
        let state: &'static Arc<T> = Box::leak(Box::new(state));
        lent.insert(number, state);
        state
    }

    /// Something has changed that whoever looks should see at once.
    #[cfg(feature = "dashboard")]
    pub(super) fn touch(&self) {
        self.touched.send_replace(());
    }

    /// Changes with it.
    #[cfg(feature = "dashboard")]
    pub(crate) fn touched(&self) -> tokio::sync::watch::Receiver<()> {
        self.touched.subscribe()
    }

    /// Ends what runs for them.
    pub(crate) fn end(&self) {
        self.every().iter().for_each(|state| state.end());
    }

    /// Whether what is a warning in production is an error here.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Something in this process can enforce a bound on connecting.
    pub(crate) fn dials_are_bounded(&self) {
        self.dials_are_bounded.store(true, Ordering::Relaxed);
    }

    /// Whether a `connect` bound has nothing that enforces it.
    pub(crate) fn connect_is_unenforced(&self) -> bool {
        !self.dials_are_bounded.load(Ordering::Relaxed)
    }

    /// A connection is made outside of any call.
    pub(crate) fn dials_outside(&self, site: &'static Site) {
        *lock(&self.last_outside) = Some(site);
        self.dialled_outside.fetch_add(1, Ordering::Release);
    }

    /// How many were, by now.
    pub(crate) fn dialled_outside(&self) -> u32 {
        self.dialled_outside.load(Ordering::Acquire)
    }

    /// Where the last one was, if there have been any since there were so many.
    pub(crate) fn dialled_outside_since(&self, before: u32) -> Option<&'static Site> {
        if self.dialled_outside() == before { None } else { *lock(&self.last_outside) }
    }

    /// True once.
    pub(crate) fn warn_of_dials_outside(&self) -> bool {
        !self.warned_of_dials_outside.swap(true, Ordering::Relaxed)
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

/// The end of a test's: nothing is left running.
impl Drop for States {
    fn drop(&mut self) {
        if self.tells_errors() {
            super::calls::one_listener_less();
        }
        self.end();
    }
}

/// The handle that this was the state of is gone.
pub(super) fn forget<T: Shared>(owner: Owner) {
    Registry::with(|states| states.remove(TypeId::of::<T>(), owner));
    #[cfg(feature = "testing")]
    OF_PROCESS.remove(TypeId::of::<T>(), owner);
}

fn typed<T: Shared>(entry: &Entry) -> Option<Arc<T>> {
    let state: Arc<dyn Any + Send + Sync> = Arc::<dyn Shared>::clone(&entry.state);
    state.downcast().ok()
}
