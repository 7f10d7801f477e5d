//! The policies: handles that an expansion holds in statics, and the pure machines behind them.

pub(crate) mod attempt;
pub(crate) mod bulkhead;
pub(crate) mod circuit_breaker;
pub(crate) mod deadline;
pub(crate) mod fallback;
pub(crate) mod keyed;
pub(crate) mod retry;
pub(crate) mod semaphore;
pub(crate) mod timeout;
