//! The time that a caller gives a request, and what is made of it. Whatever header it came in.

use crate::policy::deadline::{self, Due};
use crate::registry::misconfigured;
use crate::{Error, Site};
use std::time::Duration;

/// What a service gives a request, whatever its caller asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// At most; also where the caller says nothing.
    pub(crate) most: Duration,
    /// With less left nothing begins.
    pub(crate) least: Duration,
    /// Who sets the deadline, as errors tell.
    pub(crate) site: &'static Site,
}

impl Terms {
    /// The deadline of a request whose caller gives it so long, which begins now.
    ///
    /// # Errors
    ///
    /// [`Error::DeadlineExceeded`] if nothing is left, or too little; [`Error::Misconfigured`] if there never is enough.
    pub(crate) fn begin(self, asked: Option<Duration>) -> Result<Due, Error> {
        let Self { most, least, site } = self;
        if most.is_zero() || least > most {
            return Err(misconfigured(format!(
                "{site}: no request can have between {least:?} and {most:?}; write more as the most, or less as the least"
            )));
        }
        let granted = asked.unwrap_or(most).min(most);
        let due = deadline::begin(site, granted);
        let is_too_late = granted.is_zero() || granted < least;
        if is_too_late { Err(due.refused()) } else { Ok(due) }
    }
}

/// Whole milliseconds, in at most ten digits. `None` if it is anything else.
pub(crate) fn millis(field: &[u8]) -> Option<Duration> {
    if field.is_empty() || field.len() > 10 {
        return None;
    }
    let digit = |all: u64, byte: &u8| byte.is_ascii_digit().then(|| all * 10 + u64::from(byte - b'0'));
    field.iter().try_fold(0, digit).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms =
        Terms { most: Duration::from_secs(30), least: Duration::from_millis(20), site: &Site::UNKNOWN };

    #[tokio::test(start_paused = true)]
    async fn a_caller_gets_what_it_asks_for_and_no_more_than_there_is() {
        for (asked, gets) in [
            (None, Some(30_000)),
            (Some(1284), Some(1284)),
            (Some(30_001), Some(30_000)),
            (Some(9_999_999_999), Some(30_000)),
            (Some(20), Some(20)),
            (Some(19), None),
            (Some(0), None),
        ] {
            let due = TERMS.begin(asked.map(Duration::from_millis));
            assert_eq!(due.as_ref().ok().map(|due| due.remaining().as_millis()), gets, "{asked:?}");
            assert!(due.is_ok() || matches!(due, Err(Error::DeadlineExceeded { attempted: false, .. })), "{due:?}");
        }
        let none = Terms { least: Duration::ZERO, ..TERMS };
        assert!(none.begin(Some(Duration::ZERO)).is_err(), "nothing is left");
        assert!(none.begin(Some(Duration::from_nanos(1))).is_ok());
        for never in [Terms { most: Duration::ZERO, ..none }, Terms { least: Duration::from_secs(31), ..TERMS }] {
            let error = never.begin(None).unwrap_err();
            assert!(matches!(error, Error::Misconfigured(_)), "{error}");
        }
    }

    #[test]
    fn milliseconds_are_digits_and_nothing_else() {
        for (field, read) in [("0", 0), ("1284", 1284), ("007", 7), ("9999999999", 9_999_999_999)] {
            assert_eq!(millis(field.as_bytes()), Some(Duration::from_millis(read)), "{field}");
        }
        for field in
            ["", " ", "12345678901", "-1", "+1", "1.5", "1e3", "5s", "5 ", " 5", "1_000", "1,2", "\u{661}", "∞"]
        {
            assert_eq!(millis(field.as_bytes()), None, "{field}");
        }
    }
}
