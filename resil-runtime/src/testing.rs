//! Tests that never share a breaker, and whose time is their own.
//!
//! State is process-wide by design: two tests that call one annotated function would open each other's breaker. A
//! [`Scope`] gives this thread a registry of its own and makes every clock of resil follow Tokio's, paused or not. It
//! is meant for the current-thread runtime, which is what `#[tokio::test]` builds: tasks spawned there stay inside.
//!
//! ```
//! use resil::circuit_breaker;
//! use std::time::Duration;
//!
//! #[circuit_breaker(window = 2, min_calls = 2, open_for = "30s")]
//! async fn flaky(ok: bool) -> std::io::Result<()> {
//!     if ok { Ok(()) } else { Err(std::io::ErrorKind::ConnectionReset.into()) }
//! }
//!
//! // In a test: #[tokio::test(start_paused = true)]
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn opens_and_recovers() {
//!     let _scope = resil::testing::isolated();
//!     _ = flaky(false).await;
//!     _ = flaky(false).await;
//!     assert!(flaky(true).await.is_err(), "open");
//!     tokio::time::advance(Duration::from_secs(30)).await;
//!     assert!(flaky(true).await.is_ok(), "a probe is let through");
//! }
//! # opens_and_recovers();
//! ```

use crate::clock::{self, Nanos};
use crate::registry::Registry;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant;

#[derive(Clone)]
struct Isolated {
    registry: Rc<Registry>,
    origin: Instant,
    strict: bool,
}

thread_local! {
    static ISOLATED: RefCell<Option<Isolated>> = const { RefCell::new(None) };
}

/// So that a process without any scope pays one load.
static SCOPES: AtomicUsize = AtomicUsize::new(0);

/// While this lives, this thread has its own registry and clock. Scopes nest.
#[must_use = "isolation ends when the scope is dropped: bind it, `let _scope = ..`"]
pub struct Scope {
    outer: Option<Isolated>,
    _this_thread_only: PhantomData<Rc<()>>,
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scope")
    }
}

/// A registry and a clock for this thread alone.
pub fn isolated() -> Scope {
    enter(false)
}

/// The same, where what would be a warning in production is an error: a `connect` bound that nothing enforces.
pub fn strict() -> Scope {
    enter(true)
}

fn enter(strict: bool) -> Scope {
    SCOPES.fetch_add(1, Ordering::Relaxed);
    let inner = Isolated { registry: Rc::default(), origin: clock::instant(), strict };
    Scope { outer: ISOLATED.replace(Some(inner)), _this_thread_only: PhantomData }
}

impl Drop for Scope {
    fn drop(&mut self) {
        ISOLATED.set(self.outer.take());
        SCOPES.fetch_sub(1, Ordering::Relaxed);
    }
}

#[inline]
fn current() -> Option<Isolated> {
    if SCOPES.load(Ordering::Relaxed) == 0 {
        return None;
    }
    ISOLATED.with_borrow(Option::clone)
}

#[inline]
pub(crate) fn registry() -> Option<Rc<Registry>> {
    current().map(|isolated| isolated.registry)
}

#[inline]
pub(crate) fn nanos() -> Option<Nanos> {
    current().map(|isolated| clock::nanos(clock::instant().saturating_duration_since(isolated.origin)))
}

#[inline]
pub(crate) fn is_strict() -> bool {
    current().is_some_and(|isolated| isolated.strict)
}
