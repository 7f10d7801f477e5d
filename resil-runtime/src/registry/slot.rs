use super::{Registry, States};
use crate::Error;
use crate::policy::keyed::Held;
use std::sync::OnceLock;

/// A handle's way to its state: looked up once, then one load.
#[derive(Debug)]
pub(crate) struct Slot<T: 'static> {
    state: OnceLock<&'static T>,
    /// Why there is none. In a cell of its own, so that the state is one load away.
    problem: OnceLock<Error>,
    /// Keeps a state of one key from being another's.
    #[expect(dead_code, reason = "until the slot is dropped")]
    held: Option<Held<T>>,
    /// Whether the registry made this handle, for a state it had found.
    #[cfg(feature = "testing")]
    found: bool,
}

impl<T> Slot<T> {
    pub(crate) const fn new() -> Self {
        Self {
            state: OnceLock::new(),
            problem: OnceLock::new(),
            held: None,
            #[cfg(feature = "testing")]
            found: false,
        }
    }

    /// A slot that never looks up anything: the state it stands for has been found.
    pub(crate) fn found(state: Result<&'static T, Error>) -> Self {
        let (state, problem) = match state {
            Ok(state) => (OnceLock::from(state), OnceLock::new()),
            Err(problem) => (OnceLock::new(), OnceLock::from(problem)),
        };
        Self {
            state,
            problem,
            held: None,
            #[cfg(feature = "testing")]
            found: true,
        }
    }

    /// A slot of one key's state.
    pub(crate) fn held(held: Held<T>) -> Self {
        let found = Self::found(Ok(held.state()));
        Self { held: Some(held), ..found }
    }

    #[inline]
    pub(crate) fn get(&self, look_up: impl FnOnce(&States) -> Result<&'static T, Error>) -> Result<&'static T, Error> {
        // In a test that isolated itself the handle must not remember another test's state.
        #[cfg(feature = "testing")]
        if !self.found
            && let Some(states) = super::isolated::current()
        {
            return look_up(&states);
        }
        match self.state.get() {
            Some(state) => Ok(state),
            None => self.first(look_up),
        }
    }

    #[cold]
    fn first(&self, look_up: impl FnOnce(&States) -> Result<&'static T, Error>) -> Result<&'static T, Error> {
        if let Some(problem) = self.problem.get() {
            return Err(problem.clone());
        }
        match Registry::with(look_up) {
            Ok(state) => Ok(self.state.get_or_init(|| state)),
            Err(problem) => Err(self.problem.get_or_init(|| problem).clone()),
        }
    }
}
