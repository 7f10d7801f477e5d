use super::Registry;
use crate::Error;
use std::sync::OnceLock;

/// A handle's way to its state: looked up once, then one load.
#[derive(Debug)]
pub(crate) struct Slot<T: 'static>(OnceLock<Result<&'static T, Error>>);

impl<T> Slot<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    #[inline]
    pub(crate) fn get(
        &self,
        look_up: impl FnOnce(&Registry) -> Result<&'static T, Error>,
    ) -> Result<&'static T, Error> {
        // In a test that isolated itself the handle must not remember another test's state.
        #[cfg(feature = "testing")]
        if let Some(registry) = super::isolated::current() {
            return look_up(&registry);
        }
        match self.0.get() {
            Some(Ok(state)) => Ok(state),
            _ => self.first(look_up),
        }
    }

    #[cold]
    fn first(&self, look_up: impl FnOnce(&Registry) -> Result<&'static T, Error>) -> Result<&'static T, Error> {
        self.0.get_or_init(|| Registry::with(look_up)).clone()
    }
}
