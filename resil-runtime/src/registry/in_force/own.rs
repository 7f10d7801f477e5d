use crate::registry::States;
use crate::registry::handle::{Handle, Shared};
use std::fmt;
use std::marker::PhantomData;

#[cfg(feature = "config")]
use crate::registry::Slot;
#[cfg(feature = "config")]
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether anything was ever set from outside, so that a process that sets nothing pays one load.
#[cfg(feature = "config")]
static EVER: AtomicBool = AtomicBool::new(false);

/// What is in force of a policy that has no other state. Empty without the feature `config`, and until something is set.
pub(crate) struct Own<T: Shared> {
    #[cfg(feature = "config")]
    slot: Slot<T>,
    of: PhantomData<fn() -> T>,
}

impl<T: Shared> Own<T> {
    pub(crate) const fn new() -> Self {
        Self {
            #[cfg(feature = "config")]
            slot: Slot::new(),
            of: PhantomData,
        }
    }

    /// What is in force, looked for where anything was ever set from outside. The usual case, small enough to be inlined,
    /// is what is `written`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every call that succeeds")]
    pub(crate) fn or<R>(&self, written: impl FnOnce() -> R, look: impl FnOnce() -> Option<R>) -> R {
        #[cfg(feature = "config")]
        if EVER.load(Ordering::Relaxed)
            && let Some(found) = look()
        {
            return found;
        }
        _ = look;
        written()
    }

    #[cfg(feature = "config")]
    pub(crate) fn look(&self, handle: &impl Handle, as_written: impl FnOnce() -> T) -> Option<&T> {
        let set_up = |states: &States| Ok(states.adjusted(self.slot.owner(None), handle, as_written));
        self.slot.get(set_up).ok()
    }

    #[cfg(not(feature = "config"))]
    #[expect(clippy::unused_self, reason = "without settings from outside there is nothing to find")]
    pub(crate) fn look(&self, _: &impl Handle, _: impl FnOnce() -> T) -> Option<&T> {
        None
    }

    /// Sets it up there, for an operator to see.
    #[cfg(feature = "config")]
    pub(crate) fn set_up(&self, states: &States, handle: &impl Handle, as_written: impl FnOnce() -> T) {
        states.adjusted(self.slot.owner(None), handle, as_written);
    }

    #[cfg(not(feature = "config"))]
    #[expect(clippy::unused_self, reason = "without settings from outside there is nothing to see")]
    pub(crate) fn set_up(&self, _: &States, _: &impl Handle, _: impl FnOnce() -> T) {}
}

/// From now on handles look for what is in force.
#[cfg(feature = "config")]
pub(super) fn begin() {
    EVER.store(true, Ordering::Relaxed);
}

/// A clone is another handle.
impl<T: Shared> Clone for Own<T> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<T: Shared> fmt::Debug for Own<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Own")
    }
}
