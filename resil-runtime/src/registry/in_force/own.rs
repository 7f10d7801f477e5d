//! What is in force of a policy that has no other state: a retry, a timeout, a deadline.
//!
//! Its handle is a constant, and stays one, so that the compiler sees what is written. Whether anything else is in force is one
//! flag; where it is set, the handle is looked up by its address, which a static keeps. Any other is asked anew each time.

#[cfg(feature = "config")]
use crate::registry::in_force::Subject;
use crate::registry::states::Owner;
use crate::registry::{Handle, Registry, Shared, States, policies};
use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a setting of such a policy was ever said outside, so that a process in which none was pays one load.
static EVER: AtomicBool = AtomicBool::new(false);

/// From now on what is in force is looked for.
#[cfg(feature = "config")]
pub(super) fn begin() {
    EVER.store(true, Ordering::Relaxed);
}

/// What is written, or else what is found.
#[inline(always)]
#[expect(clippy::inline_always, reason = "on the path of every call that succeeds")]
pub(crate) fn or<R>(written: impl FnOnce() -> R, look: impl FnOnce() -> R) -> R {
    if cfg!(feature = "config") && EVER.load(Ordering::Relaxed) { look() } else { written() }
}

thread_local! {
    /// Those of the process, so that no lock is taken for them twice.
    static FOUND: RefCell<HashMap<(TypeId, usize), Arc<dyn Any + Send + Sync>>> = RefCell::default();
}

/// Reads what is in force of this handle.
pub(crate) fn look<T: Shared, R>(handle: &impl Handle, as_written: impl Fn() -> T, read: impl Fn(&T) -> R) -> R {
    let key = (TypeId::of::<T>(), address(handle));
    #[cfg(feature = "testing")]
    let is_isolated = crate::registry::isolated::current().is_some();
    #[cfg(not(feature = "testing"))]
    let is_isolated = false;
    let found = || FOUND.with_borrow(|found| found.get(&key)?.downcast_ref().map(&read));
    if !is_isolated && let Some(found) = found() {
        return found;
    }
    let state: Option<Arc<T>> = Registry::with(|states| {
        let known = || states.known(Owner::at(key.1));
        let is_static = || policies().any(|policy| address(policy.handle()) == key.1);
        known().or_else(|| is_static().then(|| set_up(states, handle, &as_written)))
    });
    match state {
        Some(state) if is_isolated => read(&state),
        Some(state) => {
            let found = read(&state);
            FOUND.with_borrow_mut(|found| found.insert(key, state));
            found
        }
        None => {
            let state = as_written();
            #[cfg(feature = "config")]
            Registry::with(|states| states.put_once(handle.subject(), &state));
            read(&state)
        }
    }
}

/// The state of a handle that is a static.
pub(crate) fn set_up<T: Shared>(states: &States, handle: &impl Handle, as_written: impl FnOnce() -> T) -> Arc<T> {
    states.adjusted(Owner::at(address(handle)), handle, as_written)
}

fn address<T: ?Sized>(handle: &T) -> usize {
    std::ptr::from_ref(handle).addr()
}

#[cfg(feature = "config")]
impl States {
    /// For a handle that nobody else will ask for.
    fn put_once(&self, subject: Option<Subject>, state: &impl Shared) {
        if let Some(subject) = subject {
            let layers = Arc::clone(&crate::sync::lock(&self.layers));
            let settled = subject.settle(&layers);
            // It has nothing to tell, and nobody waits for it.
            _ = state.put_in_force(&subject.values(&settled));
        }
    }
}
