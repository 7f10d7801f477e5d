//! The one word that log fields, labels of metrics and JSON have for each variant of an enum, and for a rate.

use std::fmt;
use std::time::Duration;

/// So many calls in so much time, as an attribute writes it: `100/s`.
pub(crate) fn quota(f: &mut fmt::Formatter<'_>, calls: u32, per: Duration) -> fmt::Result {
    match (per.as_secs(), per.subsec_nanos()) {
        (1, 0) => write!(f, "{calls}/s"),
        (60, 0) => write!(f, "{calls}/m"),
        (3600, 0) => write!(f, "{calls}/h"),
        (86_400, 0) => write!(f, "{calls}/d"),
        _ => write!(f, "{calls}/{per:?}"),
    }
}

macro_rules! words {
    ($($kind:ident { $($variant:ident => $word:literal),+ $(,)? })+) => {$(
        impl $kind {
            #[allow(dead_code, reason = "where each is a series, or none")]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            #[doc = concat!("The word that log fields, metrics and JSON have for it: `", $crate::words::first!($($word),+), "` for the first.")]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )+};
}

macro_rules! first {
    ($first:literal $(, $rest:literal)*) => {
        $first
    };
}

pub(crate) use {first, words};
