use super::Registry;
use super::handle::Shared;
use super::states::{Owner, States, forget};
use crate::Error;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A handle's way to its state: looked up once, then one load.
#[derive(Debug)]
pub(crate) struct Slot<T: Shared> {
    state: OnceLock<Arc<T>>,
    /// Why there is none. In a cell of its own, so that the state is one load away.
    problem: OnceLock<Error>,
    /// Tells handles without a name apart; zero until it is asked for.
    number: AtomicU64,
    /// Who has the state, if it is one of many.
    lender: Option<Box<dyn Lender<T>>>,
    /// Whether the registry made this handle, for a state it had found.
    #[cfg(feature = "testing")]
    found: bool,
}

/// Holds on to one state of many.
pub(crate) trait Lender<T>: Debug + Send + Sync {
    fn state(&self) -> &T;
}

impl<T: Shared> Slot<T> {
    pub(crate) const fn new() -> Self {
        Self {
            state: OnceLock::new(),
            problem: OnceLock::new(),
            number: AtomicU64::new(0),
            lender: None,
            #[cfg(feature = "testing")]
            found: false,
        }
    }

    /// A slot that never looks up anything: the state it stands for has been found.
    pub(crate) fn found(state: Result<Arc<T>, Error>) -> Self {
        let mut slot = Self::new();
        match state {
            Ok(state) => slot.state = OnceLock::from(state),
            Err(problem) => slot.problem = OnceLock::from(problem),
        }
        slot.never_looks()
    }

    /// A slot of one state of many.
    pub(crate) fn lent(lender: impl Lender<T> + 'static) -> Self {
        let mut slot = Self::new();
        slot.lender = Some(Box::new(lender));
        slot.never_looks()
    }

    #[cfg_attr(not(feature = "testing"), expect(unused_mut, reason = "only tests look twice"))]
    fn never_looks(mut self) -> Self {
        #[cfg(feature = "testing")]
        {
            self.found = true;
        }
        self
    }

    /// Whose state the handle of this slot looks for.
    pub(crate) fn owner(&self, name: Option<&'static str>) -> Owner {
        name.map_or_else(|| Owner::slot(self.number()), Owner::Name)
    }

    /// Not the address: a handle that is moved stays itself, and one that takes its place is another.
    fn number(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = self.number.load(Ordering::Relaxed);
        if number != 0 {
            return number;
        }
        let new = NEXT.fetch_add(1, Ordering::Relaxed);
        self.number.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed).map_or_else(|first| first, |_| new)
    }

    #[inline]
    pub(crate) fn get(&self, look_up: impl FnOnce(&States) -> Result<Arc<T>, Error>) -> Result<&T, Error> {
        // In a test that isolated itself the handle must not remember another test's state.
        #[cfg(feature = "testing")]
        if !self.found
            && let Some(states) = super::isolated::current()
        {
            return Ok(states.lend(look_up(&states)?));
        }
        match self.state.get() {
            Some(state) => Ok(state),
            None => self.first(look_up),
        }
    }

    /// The state, to keep beyond the handle.
    pub(crate) fn share(&self, look_up: impl FnOnce(&States) -> Result<Arc<T>, Error>) -> Result<Arc<T>, Error> {
        #[cfg(feature = "testing")]
        if !self.found
            && let Some(states) = super::isolated::current()
        {
            return look_up(&states);
        }
        self.known(look_up).map(Arc::clone)
    }

    #[cold]
    fn first(&self, look_up: impl FnOnce(&States) -> Result<Arc<T>, Error>) -> Result<&T, Error> {
        match &self.lender {
            Some(lender) => Ok(lender.state()),
            None => self.known(look_up).map(|state| &**state),
        }
    }

    fn known(&self, look_up: impl FnOnce(&States) -> Result<Arc<T>, Error>) -> Result<&Arc<T>, Error> {
        if let Some(state) = self.state.get() {
            return Ok(state);
        }
        if let Some(problem) = self.problem.get() {
            return Err(problem.clone());
        }
        match Registry::with(look_up) {
            Ok(state) => Ok(self.state.get_or_init(|| state)),
            Err(problem) => Err(self.problem.get_or_init(|| problem).clone()),
        }
    }
}

/// A static is never dropped. What another handle without a name has set up is nobody else's.
impl<T: Shared> Drop for Slot<T> {
    fn drop(&mut self) {
        let number = *self.number.get_mut();
        if number != 0 {
            forget::<T>(Owner::slot(number));
        }
    }
}
