use crate::{clock, words};
use std::fmt;
use std::time::Duration;

/// So many calls in so much time: `"100/s"`, `"5/2s"`.
///
/// ```
/// use resil::policy::rate_limit::Rate;
/// use std::time::Duration;
///
/// const QUOTA: Rate = Rate::new(5, Duration::from_secs(2));
/// assert_eq!(QUOTA.to_string(), "5/2s");
/// assert_eq!(Rate::per_second(100).to_string(), "100/s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub(super) calls: u32,
    pub(super) per: Duration,
}

impl Rate {
    /// So many calls in so much time. None, no time, and more than 10⁹ a second are out of range: calls are refused as
    /// [misconfigured](crate::Error::Misconfigured).
    pub const fn new(calls: u32, per: Duration) -> Self {
        Self { calls, per }
    }

    /// So many calls a second.
    pub const fn per_second(calls: u32) -> Self {
        Self::new(calls, Duration::from_secs(1))
    }

    /// So many calls a minute.
    pub const fn per_minute(calls: u32) -> Self {
        Self::new(calls, Duration::from_secs(60))
    }

    /// Nanoseconds from one call to the next, rounded up; at least one.
    pub(super) fn interval(self) -> clock::Nanos {
        clock::nanos(self.per).div_ceil(self.calls.max(1).into()).max(1)
    }

    pub(super) fn is_too_fast(self) -> bool {
        self.per.as_nanos() < self.calls.into()
    }
}

/// As an attribute writes it.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words::quota(f, self.calls, self.per)
    }
}
