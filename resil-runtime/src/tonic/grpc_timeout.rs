//! The header `grpc-timeout`: at most eight digits and a unit.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

pub(super) const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Units in nanoseconds, the finest first.
const UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];
const MOST: u128 = 99_999_999;

/// What a header can say of the time that is left, rounded down; `None` if there is none.
pub(super) fn written(left: Duration) -> Option<HeaderValue> {
    let nanos = left.as_nanos();
    if nanos == 0 {
        return None;
    }
    let unit = UNITS.into_iter().find(|(_, unit)| nanos / unit <= MOST);
    let text = match unit {
        Some((name, unit)) => format!("{}{}", nanos / unit, char::from(name)),
        None => format!("{MOST}H"),
    };
    HeaderValue::from_str(&text).ok()
}

/// What a caller's header says; an error if it says it otherwise than the protocol has it.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<Duration>, Unreadable> {
    let mut values = headers.get_all(GRPC_TIMEOUT).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => duration(value.as_bytes()).map(Some).ok_or(Unreadable),
        (Some(_), Some(_)) => Err(Unreadable),
    }
}

/// It is no time by the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

fn duration(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let (_, unit) = UNITS.into_iter().find(|(name, _)| name == unit)?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0_u128, |number, digit| number * 10 + u128::from(digit - b'0'));
    let nanos = number * unit;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(value: &str) -> Result<Option<Duration>, Unreadable> {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, value.parse().unwrap());
        read(&headers)
    }

    #[test]
    fn every_unit_is_read_and_nothing_else() {
        for (value, nanos) in [("3H", 3 * 3_600_000_000_000), ("1M", 60_000_000_000), ("42S", 42_000_000_000)] {
            assert_eq!(said(value), Ok(Some(Duration::from_nanos(nanos))), "{value}");
        }
        for (value, nanos) in [("13m", 13_000_000), ("2u", 2_000), ("00000082n", 82), ("0n", 0)] {
            assert_eq!(said(value), Ok(Some(Duration::from_nanos(nanos))), "{value}");
        }
        assert!(said("99999999H").is_ok_and(|time| time > Some(Duration::from_secs(u32::MAX.into()))));
        for value in ["", "H", "1", "1s", "1h", "-1S", "+1S", "1.5S", "1 S", " 1S", "123456789n", "1SS", "soon", "0x1S"]
        {
            assert_eq!(said(value), Err(Unreadable), "{value}");
        }
        let mut twice = HeaderMap::new();
        twice.append(GRPC_TIMEOUT, HeaderValue::from_static("1S"));
        twice.append(GRPC_TIMEOUT, HeaderValue::from_static("2S"));
        assert_eq!((read(&twice), read(&HeaderMap::new())), (Err(Unreadable), Ok(None)));
    }

    #[test]
    fn what_is_left_is_written_in_the_finest_unit_that_has_room() {
        let text = |nanos| written(Duration::from_nanos(nanos)).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(text(0), None);
        assert_eq!(text(1).as_deref(), Some("1n"));
        assert_eq!(text(99_999_999).as_deref(), Some("99999999n"));
        assert_eq!(text(100_000_999).as_deref(), Some("100000u"));
        assert_eq!(text(10_000_000_000).as_deref(), Some("10000000u"));
        assert_eq!(text(100_000_000_000).as_deref(), Some("100000m"));
        assert_eq!(written(Duration::MAX).unwrap(), "99999999H");
    }

    proptest! {
        #[test]
        fn it_is_never_longer_than_what_is_left_nor_much_shorter(nanos in 1_u64..) {
            let left = Duration::from_nanos(nanos);
            let value = written(left).unwrap();
            prop_assert!(value.len() <= 9);
            let read = duration(value.as_bytes()).unwrap();
            prop_assert!(read <= left && left.saturating_sub(read) <= left / 100_000, "{left:?} {read:?}");
        }
    }
}
