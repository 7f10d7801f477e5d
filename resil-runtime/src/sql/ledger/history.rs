use super::machine::Millis;
use super::state::State;
use crate::sql::worker::shortened;
use std::fmt;

/// Every step of an intent, the first one first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History(Vec<Entry>);

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// When, by the database's clock, in milliseconds since 1970.
    pub at: Millis,
    /// Where it led. `None` if this program knows no such state.
    pub state: Option<State>,
    /// Why.
    pub why: String,
}

impl History {
    /// The steps.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// What is stored is a line each step: time, state and reason. A line that cannot be read is kept as a reason.
    pub(super) fn of(text: &str) -> Self {
        Self(text.lines().map(entry).collect())
    }
}

fn entry(line: &str) -> Entry {
    let mut parts = line.splitn(3, ' ');
    let at = parts.next().and_then(|at| at.parse().ok());
    match (at, parts.next()) {
        (Some(at), Some(state)) => {
            Entry { at, state: State::of(state), why: parts.next().unwrap_or_default().to_owned() }
        }
        _ => Entry { at: 0, state: None, why: line.to_owned() },
    }
}

/// What follows the time in a line.
pub(super) fn line(state: State, why: &str) -> String {
    let line = format!(" {} {}", state.text(), shortened(why));
    format!("{}\n", line.trim_end())
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = None;
        for entry in &self.0 {
            let since = before.map_or(0, |before| entry.at - before);
            before = Some(entry.at);
            let state = entry.state.map_or("?", State::text);
            #[expect(clippy::cast_precision_loss, reason = "for people")]
            let seconds = since as f64 / 1000.0;
            let line = format!("{seconds:+9.3}s  {state:<12}  {}", entry.why.escape_debug());
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let text = format!("{}{}", 1_700_000_000_123_i64, line(State::Unknown, "read timeout\nof 5s"));
        let history = History::of(&text);
        let expected =
            Entry { at: 1_700_000_000_123, state: Some(State::Unknown), why: "read timeout of 5s".to_owned() };
        assert_eq!(history.entries(), [expected]);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_kept() {
        let history = History::of("nonsense\n17 LATER it is from the future\n17\n");
        assert_eq!(history.entries()[0], Entry { at: 0, state: None, why: "nonsense".to_owned() });
        assert_eq!(history.entries()[1], Entry { at: 17, state: None, why: "it is from the future".to_owned() });
        assert_eq!(history.entries().len(), 3, "nothing is lost");
    }
}
