//! A registry of one thread's own, for tests.

use super::States;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    static ISOLATED: RefCell<Option<Arc<States>>> = const { RefCell::new(None) };
}

/// So that a process which never isolated anything pays one load.
static EVER: AtomicBool = AtomicBool::new(false);

/// Puts this registry in place of the process's on this thread, and hands back the one that was there.
pub(crate) fn replace(registry: Option<Arc<States>>) -> Option<Arc<States>> {
    EVER.store(true, Ordering::Relaxed);
    ISOLATED.replace(registry)
}

#[inline]
pub(crate) fn current() -> Option<Arc<States>> {
    if !EVER.load(Ordering::Relaxed) {
        return None;
    }
    ISOLATED.with_borrow(Option::clone)
}
