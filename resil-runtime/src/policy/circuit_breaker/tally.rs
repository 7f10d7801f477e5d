//! Counting calls, and judging the counts.

use super::{Cause, Settings};

/// How a call ended, as far as the windows care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    /// The partner failed.
    pub failed: bool,
    /// The call took at least `slow_call`, whether or not it failed.
    pub slow: bool,
}

/// Numbers of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// All recorded calls.
    pub calls: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those that were slow, failed or not.
    pub slow: u64,
}

impl Tally {
    /// Counts one call more.
    #[inline]
    pub(super) fn add(&mut self, call: Judged) {
        self.calls += 1;
        self.failures += u64::from(call.failed);
        self.slow += u64::from(call.slow);
    }

    /// The fraction of failures, unless there are fewer than `enough` calls.
    pub(super) fn failure_rate(&self, enough: u64) -> Option<f64> {
        self.rate(self.failures, enough)
    }

    /// The fraction of slow calls, unless there are fewer than `enough` calls.
    pub(super) fn slow_rate(&self, enough: u64) -> Option<f64> {
        self.rate(self.slow, enough)
    }

    /// The rate that these calls reach, if any. Fractions are compared, never products: `0.07 * 100.0` is above 7.
    #[inline]
    pub(super) fn reaches(&self, settings: &Settings) -> Option<Cause> {
        if self.failures > 0 && fraction(self.failures, self.calls) >= settings.failure_rate {
            Some(Cause::FailureRate)
        } else if self.slow > 0 && fraction(self.slow, self.calls) >= settings.slow_rate {
            Some(Cause::SlowRate)
        } else {
            None
        }
    }

    fn rate(&self, part: u64, enough: u64) -> Option<f64> {
        (self.calls >= enough.max(1)).then(|| fraction(part, self.calls))
    }
}

#[inline]
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 calls")]
fn fraction(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
