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
//!
//! # Paused time and real partners
//!
//! Paused time jumps to the next timer as soon as every task waits. It knows nothing of sockets and threads, so a test with
//! `start_paused = true` that waits for a real server (wiremock), a real database (SQLite too, which works on threads of its
//! own) or a bulkhead sees its bounds pass at once. Either do not pause time there, and write bounds that are never met; or
//! hold time as long as others work. While a thread of the runtime's blocking pool is busy, time moves only where it is
//! told to:
//!
//! ```
//! use std::sync::mpsc;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let (held, end) = mpsc::channel::<()>();
//! tokio::task::spawn_blocking(move || end.recv().ok()); // until `held` is dropped
//! // talk to the real partner
//! tokio::time::advance(Duration::from_secs(30)).await; // and then to the next failure
//! drop(held);
//! # }
//! ```

use crate::clock;
use crate::registry::{States, isolated as registry};
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use tokio::time::Instant;

/// While this lives, this thread has its own registry and clock. Scopes nest.
#[must_use = "isolation ends when the scope is dropped: bind it, `let _scope = ..`"]
pub struct Scope {
    outer_registry: Option<Arc<States>>,
    outer_origin: Option<Instant>,
    /// What was made for it, and ends with it.
    own: Option<Arc<States>>,
    _this_thread_only: PhantomData<Rc<()>>,
}

/// A registry and a clock for this thread alone. The threads of its bulkheads end with it: what still runs there, at its
/// next await.
pub fn isolated() -> Scope {
    Isolation::new(false).begin()
}

/// The same, where what would be a warning in production is an error: a `connect` bound that nothing enforces.
pub fn strict() -> Scope {
    Isolation::new(true).begin()
}

/// What a scope isolates, which a call takes along to the threads of a bulkhead.
pub(crate) struct Isolation {
    registry: Arc<States>,
    origin: Option<Instant>,
}

impl Isolation {
    fn new(strict: bool) -> Self {
        Self { registry: Arc::new(States::new(strict)), origin: Some(clock::instant()) }
    }

    /// That of this thread, if it is isolated.
    pub(crate) fn here() -> Option<Self> {
        registry::current().map(|registry| Self { registry, origin: clock::followed::origin() })
    }

    fn begin(self) -> Scope {
        let mut scope = self.enter();
        scope.own = Some(self.registry);
        scope
    }

    pub(crate) fn enter(&self) -> Scope {
        Scope {
            own: None,
            outer_registry: registry::replace(Some(Arc::clone(&self.registry))),
            outer_origin: clock::followed::replace(self.origin),
            _this_thread_only: PhantomData,
        }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        registry::replace(self.outer_registry.take());
        clock::followed::replace(self.outer_origin.take());
        // What still runs holds on to it, and would never let go.
        if let Some(states) = self.own.take() {
            states.end();
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scope")
    }
}

#[cfg(feature = "sqlx")]
pub use crate::sql::faults::{answer_within, at_each_point, lose_answers, lose_claims, lose_commits};
