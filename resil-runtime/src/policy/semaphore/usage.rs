//! What an operator sees.

use crate::registry::Row;
#[cfg(feature = "dashboard")]
use crate::registry::{Level, View};

/// The permits of a semaphore at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Usage {
    /// How many permits may be out at a time.
    pub limit: u32,
    /// How many are out. More than `limit` while a lowered limit waits for permits to come back.
    pub in_use: u32,
    /// How many callers wait for one.
    pub waiting: usize,
}

impl Usage {
    /// Of a semaphore or a bulkhead.
    #[cfg(feature = "dashboard")]
    pub(crate) fn view(self, kind: &'static str) -> View {
        let is_full = self.in_use >= self.limit || self.waiting > 0;
        let level = if is_full { Level::Watch } else { Level::Well };
        View::new(kind, level, "permits", &self)
    }

    pub(crate) fn row(self, table: &'static str) -> Row {
        let Self { limit, in_use, waiting } = self;
        let cells = [("limit", limit.to_string()), ("in use", in_use.to_string()), ("waiting", waiting.to_string())];
        Row { table, cells: cells.into() }
    }
}
