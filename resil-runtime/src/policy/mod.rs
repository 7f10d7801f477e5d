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

/// Every kind of policy that can be set from outside.
#[cfg(feature = "config")]
pub(crate) const ADJUSTABLE: [&crate::registry::in_force::Adjustable; 7] = [
    &deadline::in_force::outside::DEADLINE,
    &retry::in_force::outside::RETRY,
    &circuit_breaker::in_force::CIRCUIT_BREAKER,
    &semaphore::in_force::SEMAPHORE,
    &rate_limit::in_force::RATE_LIMIT,
    &bulkhead::in_force::BULKHEAD,
    &timeout::in_force::outside::TIMEOUT,
];
