//! The calls, by resil.

pub(crate) mod pending;
pub(crate) mod ready;
