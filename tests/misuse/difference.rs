//! Two texts, line by line.

use std::collections::BTreeSet;

/// Lines around a change, for orientation.
const AROUND: usize = 3;

/// What changes `expected` into `actual`: `-` before a line that is missing, `+` before one that is new.
pub(crate) fn lines(expected: &str, actual: &str) -> String {
    let (expected, actual): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    // How many lines the rest of one has in common with the rest of the other.
    let mut common = vec![vec![0; actual.len() + 1]; expected.len() + 1];
    for old in (0..expected.len()).rev() {
        for new in (0..actual.len()).rev() {
            common[old][new] = if expected[old] == actual[new] {
                common[old + 1][new + 1] + 1
            } else {
                common[old + 1][new].max(common[old][new + 1])
            };
        }
    }

    let (mut old, mut new, mut all) = (0, 0, Vec::new());
    while old < expected.len() || new < actual.len() {
        if old < expected.len() && new < actual.len() && expected[old] == actual[new] {
            all.push((' ', expected[old]));
            (old, new) = (old + 1, new + 1);
        } else if new == actual.len() || (old < expected.len() && common[old + 1][new] >= common[old][new + 1]) {
            all.push(('-', expected[old]));
            old += 1;
        } else {
            all.push(('+', actual[new]));
            new += 1;
        }
    }

    let changed = all.iter().enumerate().filter(|(_, (sign, _))| *sign != ' ');
    let shown: BTreeSet<_> = changed.flat_map(|(at, _)| at.saturating_sub(AROUND)..=at + AROUND).collect();
    let mut text = Vec::new();
    for (at, (sign, line)) in all.iter().enumerate().filter(|(at, _)| shown.contains(at)) {
        if at > 0 && !shown.contains(&(at - 1)) {
            text.push("  ...".to_owned());
        }
        text.push(format!("{sign} {line}"));
    }
    text.join("\n")
}

#[test]
fn a_difference_shows_what_goes_and_what_comes_and_little_else() {
    assert_eq!(lines("1\n2\n3\n4\n5\n6\n7\n", "1\n2\n3\n4\n5\n7\n8\n"), "  ...\n  3\n  4\n  5\n- 6\n  7\n+ 8");
}
