use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One setting, as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Time(Duration),
    Count(u32),
    Number(f64),
    /// So many calls in so much time.
    Quota(u32, Duration),
    Word(&'static str),
    Statuses(Arc<[u16]>),
}

/// As text to show: `30s`, `0.5`, `100/s`, `observe`, `[429]`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "{time:?}"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Quota(calls, per) => crate::words::quota(f, *calls, *per),
            Self::Word(word) => f.write_str(word),
            Self::Statuses(statuses) => write!(f, "{statuses:?}"),
        }
    }
}
