//! The one date format HTTP servers write.

use std::time::{SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `time` as an IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// The format has whole seconds only, so a fraction is dropped: the date written is up to one
/// second *before* `time`. A time before 1970 is written as the start of 1970.
pub(super) fn imf_fixdate(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    // 1970-01-01 was a Thursday; both remainders are in range of their tables.
    let weekday = DAYS[usize::try_from(days % 7).unwrap_or(0)];
    let month = MONTHS[month % 12];
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// The year, the month counted from 0 and the day counted from 1, of a day counted from
/// 1970-01-01 (Howard Hinnant's `civil_from_days`, for days that are never negative).
fn civil(days: u64) -> (u64, usize, u64) {
    let shifted = days + 719_468; // days since 0000-03-01: leap days come last in a year
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    let next_year = u64::from(month < 2);
    let year = year_of_era + era * 400 + next_year;
    (year, usize::try_from(month).unwrap_or(0), day)
}
