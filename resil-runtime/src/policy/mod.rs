//! The policies: handles that an expansion holds in statics, and the pure machines behind them.

pub(crate) mod attempt;
pub(crate) mod bulkhead;
pub(crate) mod circuit_breaker;
mod clocks;
pub(crate) mod deadline;
pub(crate) mod dial;
pub(crate) mod fallback;
pub(crate) mod keyed;
mod lazy;
pub(crate) mod retry;
pub(crate) mod semaphore;
pub(crate) mod timeout;
