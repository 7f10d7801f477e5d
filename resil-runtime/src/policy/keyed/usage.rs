//! What an operator sees.

/// The keys of a [`Keyed`](crate::Keyed) policy at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct KeyUsage {
    /// How many keys have a state of their own at most.
    pub max_keys: u32,
    /// How many have one.
    pub keys: u32,
    /// Those of them that cannot be forgotten now: a circuit that is not closed, a semaphore in use or resized, a
    /// rate limit whose bucket is not full.
    pub busy: u32,
    /// Whether the state that keys without a place share is such a one.
    pub rest_busy: bool,
}
