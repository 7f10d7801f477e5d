//! What a log line is made of: plain text and numbers, and not more of one kind than anybody reads.

use super::said::is_hidden;
use super::{Site, States};
use crate::clock::{self, Nanos};
use crate::sync::lock;
use std::collections::HashMap;
use std::fmt::{Display, Write as _};
use std::time::Duration;

/// How many lines of one kind and place are written in a second.
const LINES: u32 = 10;
const SECOND: Nanos = 1_000_000_000;

/// As text for a field. What would end the line, or turn its direction, is escaped; nothing else is.
pub(crate) fn text(what: impl Display) -> String {
    let text = what.to_string();
    if !text.contains(is_hidden) {
        return text;
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut line, char| {
        if is_hidden(char) {
            _ = write!(line, "{}", char.escape_default());
        } else {
            line.push(char);
        }
        line
    })
}

/// As a number for a field whose name ends in `_seconds`.
pub(crate) fn seconds(time: impl Into<Option<Duration>>) -> Option<f64> {
    time.into().map(|time| time.as_secs_f64())
}

/// What a line is about: the line of a site tells two of one function apart.
type About = (&'static str, u32, &'static str);

/// Lines of the last second, by what they are about. As many are kept as there are places and messages.
#[derive(Debug, Default)]
pub(super) struct Lines(HashMap<About, Window>);

#[derive(Debug, Default)]
struct Window {
    ends: Nanos,
    written: u32,
    left_out: u64,
}

impl Lines {
    /// Whether one more is written, and how many before it were not.
    fn one_more(&mut self, about: About, now: Nanos) -> Option<u64> {
        let window = self.0.entry(about).or_default();
        if now >= window.ends {
            *window = Window { ends: now.saturating_add(SECOND), written: 0, left_out: window.left_out };
        }
        if window.written == LINES {
            window.left_out += 1;
            return None;
        }
        window.written += 1;
        Some(std::mem::take(&mut window.left_out))
    }
}

/// Where a line that may come as often as calls do is counted.
pub(crate) trait Place {
    fn place(self) -> (&'static str, u32);
}

impl Place for &'static str {
    fn place(self) -> (&'static str, u32) {
        (self, 0)
    }
}

impl Place for &'static Site {
    fn place(self) -> (&'static str, u32) {
        (self.function, self.line)
    }
}

/// How many lines like this one were left out before it, if it is to be written.
pub(super) fn one_more(place: impl Place, message: &'static str) -> Option<u64> {
    let (name, line) = place.place();
    let count = |states: &States| lock(&states.lines).one_more((name, line, message), clock::now());
    super::Registry::with(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_text_and_stays_in_its_line() {
        for (name, field) in [
            ("gateway", "gateway"),
            ("결제", "결제"),
            ("a \"quoted\" \\ one", "a \"quoted\" \\ one"),
            ("e\u{301}", "e\u{301}"),
            ("two\nlines", "two\\nlines"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("turned \u{202e}", "turned \\u{202e}"),
            ("", ""),
        ] {
            assert_eq!(text(name), field);
        }
    }

    #[test]
    fn in_a_storm_ten_lines_a_second_are_written_and_the_others_counted() {
        let mut lines = Lines::default();
        let mut written = |place, at| lines.one_more((place, 0, "failed"), at);
        let told: Vec<_> = (0..1000).filter_map(|at| written("a", at)).collect();
        assert_eq!(told, [0; 10]);
        assert_eq!(written("b", 1000), Some(0), "of another place");
        assert_eq!(written("a", SECOND), Some(990));
        assert_eq!(written("a", SECOND + 1), Some(0), "counted once");
        // A clock that goes back says nothing twice.
        assert_eq!(written("a", 0), Some(0));
    }
}
