//! What is in force of a policy's settings: as written, or as it is set from outside.
//!
//! A policy describes itself with an [`Adjustable`], one table of its keys; a handle says with a [`Subject`] what it is
//! and what the program wrote; [`Layers`] are all that was said outside. Resolved against them, each setting has one
//! value and one [`Source`]. Nothing here reads a file.

#[cfg(feature = "config")]
mod adjustable;
#[cfg(feature = "config")]
mod change;
#[cfg(feature = "config")]
mod layers;
mod live;
pub(crate) mod own;
#[cfg(feature = "config")]
mod remembered;
mod said;
#[cfg(feature = "config")]
mod source;
#[cfg(feature = "config")]
mod states;
#[cfg(feature = "config")]
mod subject;
#[cfg(feature = "config")]
mod value;

#[cfg(feature = "config")]
pub(crate) use adjustable::{Adjustable, Flaw, Key, Put, Takes, Values, no_bound, no_flaws, no_limit};
#[cfg(feature = "config")]
pub use change::Change;
#[cfg(feature = "config")]
pub(crate) use layers::{Assignment, Layers, Rank, Target};
pub(crate) use live::Live;
#[cfg(feature = "config")]
pub(crate) use remembered::{Origin, Override, Remembered, State};
pub(crate) use said::Said;
#[cfg(feature = "config")]
pub use source::Source;
#[cfg(feature = "config")]
pub(crate) use subject::{Settled, Subject, Wrote};
#[cfg(feature = "config")]
pub(crate) use value::Value;
