//! Durations in quotes: what somebody meant who forgot the quotes or the unit.

use super::values::without_quotes;
use crate::errors::text;
use syn::{Expr, Meta, MetaNameValue};

/// What people call a bound that stands alone, and the unit that such a name says.
const BOUND: [(&str, &str); 12] = [
    ("after", "s"),
    ("bound", "s"),
    ("duration", "s"),
    ("limit", "s"),
    ("millis", "ms"),
    ("ms", "ms"),
    ("mins", "m"),
    ("minutes", "m"),
    ("secs", "s"),
    ("seconds", "s"),
    ("total", "s"),
    ("within", "s"),
];

/// `secs = 5`, `limit = "5s"`: a bound under a name, as it is to be written.
pub(crate) fn named_bound(meta: &Meta) -> Option<String> {
    let (_, unit) = BOUND.iter().find(|(name, _)| meta.path().is_ident(name))?;
    let Meta::NameValue(MetaNameValue { value, .. }) = meta else { return None };
    let known = likely(value, unit);
    Some(known.unwrap_or_else(|| match value {
        Expr::Lit(_) => "\"5s\"".to_owned(),
        constant => text(constant),
    }))
}

/// `30`, `30s`, `"30"`, `"30 sec"`: a number, and what was most likely its unit, else the one that is `usual` here.
pub(crate) fn likely(written: &Expr, usual: &str) -> Option<String> {
    let text = without_quotes(written);
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" => match usual.trim_matches(|c: char| !c.is_ascii_alphabetic()) {
            unit @ ("ms" | "m" | "h") => unit,
            _ => "s",
        },
        "us" | "micros" => "us",
        "ms" | "msec" | "millis" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => return None,
    };
    number.parse().ok().filter(|number: &f64| *number > 0.0).map(|_| format!("\"{number}{unit}\""))
}
