//! What a duration in quotes says. `resil-macros` and `resil-runtime` have this file each, and a test compares the two: an
//! attribute and a file of settings read the same.

use std::time::Duration;

/// `"250us"`, `"100ms"`, `"1.5s"`, `"2m"`, `"1m30s"`, `"1h"`, `"1d"`. Saturates; a missing unit or a sign is no duration.
pub(crate) fn parse(text: &str) -> Option<Duration> {
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
