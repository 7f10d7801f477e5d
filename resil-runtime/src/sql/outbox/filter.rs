use std::fmt;
use std::ops::Range;
use std::time::{Duration, SystemTime};

/// Which of the messages that were set aside: all by default.
///
/// ```
/// use resil::outbox::Filter;
///
/// let of_today = Filter::all().topic("order.paid").ordered_by(7);
/// ```
#[must_use = "it only says which: hand it to `redeliver_all`"]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub(super) topic: Option<String>,
    pub(super) ordering: Option<String>,
    recorded: Option<Range<SystemTime>>,
}

impl Filter {
    /// All of them.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only those of this topic.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// Only those with this ordering key.
    pub fn ordered_by(mut self, key: impl fmt::Display) -> Self {
        self.ordering = Some(key.to_string());
        self
    }

    /// Only those that were recorded in this time, by the database's clock.
    pub fn recorded(mut self, within: Range<SystemTime>) -> Self {
        self.recorded = Some(within);
        self
    }

    pub(super) fn recorded_in_millis(&self) -> (Option<i64>, Option<i64>) {
        let millis = |time: SystemTime| {
            let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        };
        let recorded = self.recorded.as_ref();
        (recorded.map(|within| millis(within.start)), recorded.map(|within| millis(within.end)))
    }
}
