use super::machine::Millis;
use super::state::State;
use crate::sql::worker::shortened;
use std::fmt::{self, Write as _};

/// Every step of an intent, the first one first. Steps that only repeat the ones before are counted with them, and of a very
/// long history the middle is left out, but for what operators have decided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History(Vec<Entry>);

/// One step, or the same one several times.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// When, by the database's clock, in milliseconds since 1970; the first time.
    pub at: Millis,
    /// Where it led. `None` if this program knows no such state.
    pub state: Option<State>,
    /// Why.
    pub why: String,
    /// How often.
    pub times: u32,
    /// When for the last time.
    pub until: Millis,
}

impl History {
    /// The steps.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// What is stored is a line each step: time, state and reason; and after a tab how often, and when last. A line that
    /// cannot be read is kept as a reason.
    pub(super) fn of(text: &str) -> Self {
        Self(text.lines().map(entry).collect())
    }
}

fn entry(text: &str) -> Entry {
    let line = StoredLine::of(text);
    let mut parts = line.step.splitn(2, ' ');
    match (line.at.parse(), parts.next().filter(|state| !state.is_empty())) {
        (Ok(at), Some(state)) => Entry {
            at,
            state: State::of(state),
            why: parts.next().unwrap_or(if state == LEFT_OUT { "steps are left out here" } else { "" }).to_owned(),
            times: line.times,
            until: line.until.parse().unwrap_or(at),
        },
        _ => Entry { at: 0, state: None, why: text.to_owned(), times: 1, until: 0 },
    }
}

/// A line as it is stored.
struct StoredLine<'a> {
    at: &'a str,
    /// State and reason.
    step: &'a str,
    times: u32,
    until: &'a str,
}

impl<'a> StoredLine<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.trim_end_matches('\n');
        let (step, repeats) = text.split_once('\t').unwrap_or((text, ""));
        let (at, step) = step.split_once(' ').unwrap_or((step, ""));
        let (times, until) = repeats.split_once(' ').unwrap_or(("1", at));
        Self { at, step, times: times.parse().unwrap_or(1), until }
    }
}

/// How the reason of a step begins that an operator has decided.
pub(super) const RESOLVED_BY: &str = "resolved by ";

/// Whether a line says what an operator has decided.
fn is_operators(line: &str) -> bool {
    StoredLine::of(line).step.split_once(' ').is_some_and(|(_state, why)| why.starts_with(RESOLVED_BY))
}

/// What follows the time in a line.
pub(super) fn line(state: State, why: &str) -> String {
    let line = format!(" {} {}", state.text(), shortened(why));
    format!("{}\n", line.trim_end())
}

/// How a history goes on: so many of its characters are kept, and these two texts follow, with the time between them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Continuation {
    pub(super) keeps: usize,
    pub(super) before: String,
    pub(super) after: String,
}

/// Steps that come again in a turn of so many are counted.
const LONGEST_TURN: usize = 4;
/// In bytes: a longer history loses its middle.
const LONGEST: usize = 8 * 1024;
/// So many lines at its beginning are kept in any case.
const FIRST: usize = 8;
/// Stands for the lines that were left out, in place of a state.
const LEFT_OUT: &str = "LEFT_OUT";

impl Continuation {
    /// After one more step.
    pub(super) fn of(history: &str, state: State, why: &str) -> Self {
        let new = line(state, why);
        let lines: Vec<&str> = history.split_inclusive('\n').collect();
        Self::again(&lines, new.trim()).unwrap_or_else(|| Self::once(&lines, new))
    }

    /// The step ends a turn that is the same as the one before it.
    fn again(lines: &[&str], new: &str) -> Option<Self> {
        (1..=LONGEST_TURN).find_map(|turn| {
            let start = (lines.len() + 1).checked_sub(2 * turn)?;
            let all: Vec<_> = lines[start..].iter().map(|line| StoredLine::of(line)).collect();
            let (earlier, later) = all.split_at(turn);
            let steps = later.iter().map(|line| line.step).chain([new]);
            if !steps.eq(earlier.iter().map(|line| line.step)) {
                return None;
            }
            let mut before = String::new();
            for (one, other) in earlier.iter().zip(later) {
                let times = one.times.saturating_add(other.times);
                _ = writeln!(before, "{} {}\t{times} {}", one.at, one.step, other.until);
            }
            let last = earlier.last()?;
            _ = write!(before, "{} {}\t{} ", last.at, last.step, last.times.saturating_add(1));
            Some(Self { keeps: chars(&lines[..start]), before, after: "\n".to_owned() })
        })
    }

    fn once(lines: &[&str], after: String) -> Self {
        let length = |lines: &[&str]| lines.iter().map(|line| line.len()).sum::<usize>();
        if length(lines) <= LONGEST || lines.len() <= FIRST {
            return Self { keeps: chars(lines), before: String::new(), after };
        }
        let (first, rest) = lines.split_at(FIRST);
        // More than has to, so that it is not for each step that all is written anew.
        let from = (0..rest.len()).find(|from| length(&rest[*from..]) <= LONGEST / 2).unwrap_or(rest.len());
        let (left_out, last) = rest.split_at(from);
        if left_out.len() < 2 {
            return Self { keeps: chars(lines), before: String::new(), after };
        }
        let mut before = String::new();
        for part in left_out.chunk_by(|one, other| is_operators(one) == is_operators(other)) {
            match part {
                [one, .., other] if !is_operators(one) => {
                    let steps = part.iter().map(|line| StoredLine::of(line).times).fold(0, u32::saturating_add);
                    _ = writeln!(
                        before,
                        "{} {LEFT_OUT}\t{steps} {}",
                        StoredLine::of(one).at,
                        StoredLine::of(other).until
                    );
                }
                decided => before.push_str(&decided.concat()),
            }
        }
        before.push_str(&last.concat());
        Self { keeps: chars(first), before, after }
    }
}

fn chars(lines: &[&str]) -> usize {
    lines.iter().map(|line| line.chars().count()).sum()
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = None;
        for entry in &self.0 {
            let since = before.map_or(0, |before| entry.at - before);
            before = Some(entry.until);
            let state = entry.state.map_or("?", State::text);
            #[expect(clippy::cast_precision_loss, reason = "for people")]
            let seconds = since as f64 / 1000.0;
            let line = format!("{seconds:+9.3}s  {state:<12}  {}", entry.why.escape_debug());
            f.write_str(line.trim_end())?;
            if entry.times > 1 {
                write!(f, "  ({} times)", entry.times)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry_at(at: Millis, state: Option<State>, why: &str) -> Entry {
        Entry { at, state, why: why.to_owned(), times: 1, until: at }
    }

    /// What the statement does that writes a move.
    fn written(history: &str, state: State, why: &str, now: Millis) -> String {
        let Continuation { keeps, before, after } = Continuation::of(history, state, why);
        let kept: String = history.chars().take(keeps).collect();
        format!("{kept}{before}{now}{after}")
    }

    fn short(history: &str) -> Vec<(Millis, String, u32, Millis)> {
        let text = |entry: &Entry| format!("{} {}", entry.state.map_or("?", State::text), entry.why);
        let all = History::of(history).0;
        all.iter().map(|entry| (entry.at, text(entry).trim_end().to_owned(), entry.times, entry.until)).collect()
    }

    #[test]
    fn steps_that_come_again_are_counted() {
        let mut history = "10 RECORDED\n".to_owned();
        for time in 1..=3_600 {
            _ = writeln!(history, "{} CALLING", 100 * time);
            history = written(&history, State::Recorded, "the circuit is open", 100 * time + 1);
        }
        let recorded = "RECORDED the circuit is open".to_owned();
        let all = [
            (10, "RECORDED".to_owned(), 1, 10),
            (100, "CALLING".to_owned(), 3_600, 360_000),
            (101, recorded, 3_600, 360_001),
        ];
        assert_eq!(short(&history), all);
        history = written(&history, State::Manual, "out", 400_000);
        assert_eq!(short(&history).len(), 4);
        assert!(History::of(&history).to_string().contains("the circuit is open  (3600 times)\n"), "{history}");
    }

    #[test]
    fn a_turn_of_three_is_counted_and_one_that_differs_is_not() {
        let turn = [(State::Calling, ""), (State::Unknown, "reset 주문"), (State::Recorded, "it was not applied")];
        let mut history = String::new();
        for ((state, why), time) in turn.into_iter().cycle().take(30).zip(0..) {
            history = written(&history, state, why, time);
        }
        assert_eq!(short(&history).iter().map(|step| step.2).collect::<Vec<_>>(), [10, 10, 10]);
        let other = written(&history, State::Calling, "for another reason", 99);
        assert_eq!(short(&other).len(), 4);
    }

    #[test]
    fn a_history_has_a_bounded_size_and_keeps_both_ends() {
        let mut history = "1 RECORDED\n".to_owned();
        for number in 0..5_000 {
            history = written(&history, State::Unknown, &format!("request {number} of 주문 was lost"), 1_000 + number);
            assert!(history.len() < 2 * LONGEST, "{}", history.len());
        }
        let all = short(&history);
        assert_eq!(all[0].1, "RECORDED");
        assert!(all[all.len() - 1].1.contains("request 4999 "), "{all:?}");
        let steps: u32 = all.iter().map(|step| step.2).sum();
        assert_eq!(steps, 5_001, "what is left out is counted");
    }

    #[test]
    fn what_an_operator_has_decided_is_never_left_out() {
        let mut history = "0 RECORDED\n".to_owned();
        for number in 0..5_000 {
            if number % 1_000 == 500 {
                history = written(&history, State::Recorded, &format!("{RESOLVED_BY}alice: {number} of 주문"), number);
            }
            let why = format!("request {number} was lost, and not resolved by anybody");
            history = written(&history, State::Unknown, &why, number);
            assert!(history.len() < 2 * LONGEST, "{}", history.len());
        }
        let all = short(&history);
        for number in [500, 1_500, 2_500, 3_500, 4_500] {
            let decided = (number, format!("RECORDED resolved by alice: {number} of 주문"), 1, number);
            assert!(all.contains(&decided), "{decided:?} is gone: {all:?}");
        }
        assert!(all.is_sorted_by_key(|step| step.0), "{all:?}");
        assert_eq!(all.iter().map(|step| step.2).sum::<u32>(), 5_006, "what is left out is counted");
    }

    proptest::proptest! {
        #[test]
        fn no_step_is_lost(steps in proptest::collection::vec((0_usize..3, 0_usize..3), 0..200)) {
            let mut history = String::new();
            for ((state, why), time) in steps.iter().zip(0..) {
                history = written(&history, State::ALL[*state], ["", "a", "b c"][*why], time);
            }
            let all = short(&history);
            proptest::prop_assert_eq!(all.iter().map(|step| step.2 as usize).sum::<usize>(), steps.len());
            for entry in all {
                proptest::prop_assert!(entry.0 <= entry.3);
            }
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let text = format!("{}{}", 1_700_000_000_123_i64, line(State::Unknown, "read timeout\nof 5s"));
        let history = History::of(&text);
        let expected = entry_at(1_700_000_000_123, Some(State::Unknown), "read timeout of 5s");
        assert_eq!(history.entries(), [expected]);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_kept() {
        let history = History::of("nonsense\n17 LATER it is from the future\n17\n");
        assert_eq!(history.entries()[0], entry_at(0, None, "nonsense"));
        assert_eq!(history.entries()[1], entry_at(17, None, "it is from the future"));
        assert_eq!(history.entries().len(), 3, "nothing is lost");
    }
}
