//! The one word that log fields, labels of metrics and JSON have for each variant of an enum.

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
