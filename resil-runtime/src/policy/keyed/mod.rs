//! Policies that keep a state for each key: one circuit a tenant, one limit an account.
//!
//! [`Keyed`] is the handle, by hand and in expansions. Behind it is a bounded table of states.

mod found;
mod handle;
mod keys;
mod places;
mod usage;

pub(crate) use found::PerKey;
pub use handle::Keyed;
pub(crate) use handle::hash_of;
pub(crate) use keys::{Keys, Loss, OneKey};
pub(crate) use places::{HeldKey, HeldState};
pub use usage::KeyUsage;

#[cfg(test)]
mod tests;
