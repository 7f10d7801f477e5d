//! Permits against a naive model, between threads, and in every interleaving.

#[cfg(resil_loom)]
mod loom;
#[cfg(resil_loom)]
mod loom_spread;
#[cfg(not(resil_loom))]
mod model;
#[cfg(not(resil_loom))]
mod spread;
