//! What an operator sees.

/// The permits of a semaphore at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// How many permits may be out at a time.
    pub limit: u32,
    /// How many are out. More than `limit` while a lowered limit waits for permits to come back.
    pub in_use: u32,
    /// How many callers wait for one.
    pub waiting: usize,
}
