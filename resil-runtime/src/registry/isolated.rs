//! A registry of one thread's own, for tests.

use super::Registry;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    static ISOLATED: RefCell<Option<Rc<Registry>>> = const { RefCell::new(None) };
}

/// So that a process which never isolated anything pays one load.
static EVER: AtomicBool = AtomicBool::new(false);

/// Puts this registry in place of the process's on this thread, and hands back the one that was there.
pub(crate) fn replace(registry: Option<Rc<Registry>>) -> Option<Rc<Registry>> {
    EVER.store(true, Ordering::Relaxed);
    ISOLATED.replace(registry)
}

#[inline]
pub(super) fn current() -> Option<Rc<Registry>> {
    if !EVER.load(Ordering::Relaxed) {
        return None;
    }
    ISOLATED.with_borrow(Option::clone)
}
