//! Who hears that a partner asks for a pause: the rate limit nearest around the request.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

/// What can keep a pause.
pub(crate) trait Pauses: Sync {
    /// Lets nothing of this key begin for so long.
    fn pause(&self, key: u64, wait: Duration);
}

#[cfg_attr(not(feature = "http"), expect(dead_code, reason = "who tells it is an adapter"))]
#[derive(Clone, Copy)]
pub(crate) struct Listener {
    limit: &'static dyn Pauses,
    key: u64,
}

thread_local!(static LISTENER: Cell<Option<Listener>> = const { Cell::new(None) });

impl Listener {
    #[inline]
    pub(crate) fn new(limit: &'static dyn Pauses, key: u64) -> Self {
        Self { limit, key }
    }

    /// Of what is polled here.
    pub(super) fn current() -> Option<Self> {
        LISTENER.get()
    }

    /// For one poll.
    #[inline]
    pub(crate) fn enter<R>(listener: Option<Self>, poll: impl FnOnce() -> R) -> R {
        struct Leave(Option<Listener>);
        impl Drop for Leave {
            fn drop(&mut self) {
                LISTENER.set(self.0);
            }
        }
        let _leave = Leave(LISTENER.replace(listener));
        poll()
    }
}

/// The partner of the request that is polled here asks for a pause.
#[cfg(feature = "http")]
pub(crate) fn asked_to_pause(wait: Duration) {
    if let Some(Listener { limit, key }) = Listener::current() {
        limit.pause(key, wait);
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
