//! The policies, a module for each: its handle, what it gives out, and what an operator sees of it.
//!
//! The names used every day are at the root of the crate as well.

pub mod attempt;
pub mod bulkhead;
pub mod circuit_breaker;
pub mod deadline;
pub mod fallback;
pub mod keyed;
pub mod rate_limit;
pub mod retry;
pub mod semaphore;
pub mod timeout;
