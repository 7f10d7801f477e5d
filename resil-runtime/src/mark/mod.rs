//! Futures that carry in their type what a call does, and what an expansion asks of a future before it is awaited.

mod awaited;
mod non_idempotent;

pub use awaited::{Awaiting, UnderRetry, Unmarked};
pub use non_idempotent::NonIdempotent;
