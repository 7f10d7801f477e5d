//! The window of either kind.

use super::count_window::CountWindow;
use super::time_window::Buckets;
use super::{Judged, Settings, Tally, Window};
use crate::clock::nanos;

/// The calls that are judged together.
#[derive(Debug)]
pub(super) enum Recent {
    /// The last so many.
    Calls(CountWindow),
    /// Those of the last so much time.
    Time(Box<Buckets>),
}

impl Recent {
    /// An empty window.
    pub(super) fn new(settings: &Settings) -> Self {
        match settings.window {
            Window::Calls(size) => Self::Calls(CountWindow::new(size, settings.slow_call.is_some())),
            Window::Time(span) => Self::Time(Box::new(Buckets::new(nanos(span)))),
        }
    }

    /// Adds a call. Returns whether a rate may be reached that was not before.
    #[inline]
    pub(super) fn record(&mut self, call: Judged) -> bool {
        match self {
            Self::Calls(window) => {
                let grows = window.record(call);
                grows || call.failed || call.slow
            }
            Self::Time(buckets) => {
                buckets.record(call);
                true
            }
        }
    }

    /// Brings a time window up to now, after counting fast successes that belong to the bucket so far.
    pub(super) fn advance(&mut self, successes: u64, now: u64) {
        if let Self::Time(buckets) = self {
            buckets.record_successes(successes);
            buckets.advance(now);
        }
    }

    /// The calls in the window.
    #[inline]
    pub(super) fn tally(&self) -> Tally {
        match self {
            Self::Calls(window) => window.tally(),
            Self::Time(buckets) => buckets.tally(),
        }
    }

    /// The calls in so many parts at most, the oldest first.
    #[cfg(feature = "dashboard")]
    pub(super) fn cells(&self, most: u32) -> impl Iterator<Item = Tally> {
        match self {
            Self::Calls(window) => window.cells(most).into_iter(),
            Self::Time(buckets) => buckets.cells().into_iter(),
        }
    }

    /// Whether one more fast success would leave the window as it is.
    #[inline]
    pub(super) fn is_clean(&self) -> bool {
        match self {
            Self::Calls(window) => window.is_full_of_fast_successes(),
            Self::Time(_) => false,
        }
    }

    /// Until when fast successes can be added to the window without looking at the time; 0 if never.
    pub(super) fn current_ends(&self) -> u64 {
        match self {
            Self::Calls(_) => 0,
            Self::Time(buckets) => buckets.current_ends(),
        }
    }

    /// Keeps the calls, of which nobody knows yet whether they were slow.
    #[cfg(feature = "config")]
    pub(super) fn judge_slow_calls(&mut self, judges: bool) {
        if let Self::Calls(window) = self {
            window.judge_slow_calls(judges);
        }
    }

    /// Forgets every call.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Calls(window) => window.clear(),
            Self::Time(buckets) => buckets.clear(),
        }
    }
}
