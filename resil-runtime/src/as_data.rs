//! How times and places are written as data: seconds, seconds since 1970, and text.

use serde::Serializer;
use std::fmt::Display;
use std::time::{Duration, SystemTime};

/// A field whose name ends in `_seconds`.
pub(crate) fn seconds<S: Serializer>(
    time: &(impl Copy + Into<Option<Duration>>),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match (*time).into() {
        Some(time) => serializer.serialize_some(&time.as_secs_f64()),
        None => serializer.serialize_none(),
    }
}

/// A field whose name ends in `_unix_seconds`. None of ours is before 1970.
pub(crate) fn unix_seconds<S: Serializer>(
    time: &(impl Copy + Into<Option<SystemTime>>),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let time: Option<SystemTime> = (*time).into();
    seconds(&time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()), serializer)
}

/// As it prints.
pub(crate) fn text<S: Serializer>(what: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(what)
}
