//! Permits against a naive model, and in every interleaving.

#[cfg(resil_loom)]
mod loom;
#[cfg(not(resil_loom))]
mod model;
