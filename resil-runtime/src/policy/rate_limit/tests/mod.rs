//! The machine against governor and against its promise; the bucket under every interleaving.

#[cfg(not(resil_loom))]
mod changed;
#[cfg(not(resil_loom))]
mod governor;
#[cfg(resil_loom)]
mod loom;
#[cfg(not(resil_loom))]
mod promise;
#[cfg(not(resil_loom))]
mod published;
