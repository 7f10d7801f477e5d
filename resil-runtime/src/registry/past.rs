//! What a circuit has been through of late.

use super::Transition;
use std::sync::Arc;
use std::time::SystemTime;

/// How many changes are kept: the last, and more where they are shown.
const KEPT: usize = if cfg!(feature = "dashboard") { 10 } else { 1 };

/// The newest first.
#[derive(Debug, Default)]
pub(crate) struct Past([Option<Changed>; KEPT]);

/// A change of state.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    pub(crate) at: SystemTime,
    pub(crate) transition: Transition,
    /// The operator, if it was one.
    #[cfg_attr(not(feature = "dashboard"), expect(dead_code, reason = "only shown"))]
    pub(crate) by: Option<Arc<str>>,
}

impl Past {
    /// The oldest makes room.
    pub(super) fn add(&mut self, changed: Changed) {
        self.0.rotate_right(1);
        self.0[0] = Some(changed);
    }

    pub(super) fn last(&self) -> Option<&Changed> {
        self.0[0].as_ref()
    }

    #[cfg(feature = "dashboard")]
    pub(crate) fn all(&self) -> impl Iterator<Item = &Changed> {
        self.0.iter().flatten()
    }
}
