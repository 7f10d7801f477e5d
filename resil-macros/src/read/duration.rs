//! Durations in quotes: what they say, and what somebody meant who forgot the quotes or the unit.

use super::values::without_quotes;
use crate::errors::text;
use std::time::Duration;
use syn::{Expr, Meta, MetaNameValue};

/// `"250us"`, `"100ms"`, `"1.5s"`, `"2m"`, `"1m30s"`, `"1h"`, `"1d"`. Saturates; a missing unit or a sign is no duration.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (mut sum, mut larger, mut rest) = (Duration::ZERO, Duration::MAX, text.trim());
    loop {
        let (number, after) = rest.split_at(rest.find(|c: char| c.is_ascii_alphabetic())?);
        let (unit, after) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        // `30s1m` and `1m1m` are slips, and nobody knows of what.
        let unit = named(unit).filter(|unit| *unit < larger)?;
        sum = sum.saturating_add(times(number.trim(), unit)?);
        (larger, rest) = (unit, after.trim_start());
        if rest.is_empty() {
            return Some(sum);
        }
    }
}

fn named(unit: &str) -> Option<Duration> {
    Some(match unit {
        "us" => Duration::from_micros(1),
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" | "min" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        "d" => Duration::from_secs(86_400),
        _ => return None,
    })
}

fn times(number: &str, unit: Duration) -> Option<Duration> {
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    // Whole numbers stay exact; a float would turn 100 ms into 100.000001.
    if let Ok(whole) = number.parse() {
        return Some(unit.saturating_mul(whole));
    }
    let number: f64 = number.parse().ok()?;
    Some(Duration::try_from_secs_f64(number * unit.as_secs_f64()).unwrap_or(Duration::MAX))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        assert_eq!(parse("100ms"), Some(Duration::from_millis(100)));
        assert_eq!(parse(" 1.5s "), Some(Duration::from_millis(1500)));
        assert_eq!(parse("2m"), Some(Duration::from_secs(120)));
        assert_eq!(parse("1 h"), Some(Duration::from_secs(3600)));
        assert_eq!(parse("250us"), Some(Duration::from_micros(250)));
        assert_eq!(parse("1d"), Some(Duration::from_secs(86_400)));
        assert_eq!(parse("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse("1h 1min 1.5s"), Some(Duration::from_millis(3_661_500)));
        assert_eq!(parse("1s250ms"), Some(Duration::from_millis(1250)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "5", "s", "-5s", "5 parsecs", "1m30", "30s1m", "1m1m", "1m-30s", "1m,30s", "inf s", "5S"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn durations_saturate() {
        assert_eq!(parse("18446744073709551615d"), Some(Duration::MAX));
        assert_eq!(parse("1e300s"), None, "an exponent is no unit");
        assert_eq!(parse("99999999999999999999999d"), Some(Duration::MAX));
    }
}
