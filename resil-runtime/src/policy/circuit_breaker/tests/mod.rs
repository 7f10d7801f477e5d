//! The breaker's own sequences with known outcomes, a model, and loom.

#[cfg(not(resil_loom))]
mod circuit;
#[cfg(not(resil_loom))]
mod half_open;
#[cfg(resil_loom)]
mod loom;
#[cfg(not(resil_loom))]
mod model;
#[cfg(not(resil_loom))]
mod naive;
#[cfg(not(resil_loom))]
mod published;
#[cfg(not(resil_loom))]
mod published_windows;
#[cfg(not(resil_loom))]
mod settings;
#[cfg(not(resil_loom))]
mod support;
#[cfg(not(resil_loom))]
mod windows;
