//! For people.

use super::{Entry, Measured, TOWER};
use crate::row::LIMIT;
use crate::{Mode, Target, machine};
use std::fmt::Write as _;

/// All rows, as Markdown, and what is missed.
pub fn tables(entries: &[Entry]) -> String {
    let mut text = format!("Measured on: {}.\n", machine::described());
    let of = |is_pending: bool, mode: Mode| {
        entries.iter().filter(move |entry| entry.is_pending == is_pending && entry.mode == mode)
    };
    let parts = [
        ("Ready at once", of(false, Mode::Plain)),
        ("Pending once", of(true, Mode::Plain)),
        ("With metrics installed, ready at once", of(false, Mode::Metrics)),
        ("With metrics installed, pending once", of(true, Mode::Metrics)),
        ("With settings from outside, ready at once", of(false, Mode::Settings)),
        ("With settings from outside, pending once", of(true, Mode::Settings)),
    ];
    for (title, entries) in parts {
        let rows: String = entries.map(row).collect();
        if !rows.is_empty() {
            _ = write!(
                text,
                "\n### {title}\n\n| call | target | resil | limit | others | two threads |\n|---|--:|--:|--:|---|---|\n{rows}"
            );
        }
    }
    text.push_str("\n### Not as it should be\n\n");
    for entry in entries {
        let how = if entry.is_pending { ", pending" } else { "" };
        let with = if entry.mode == Mode::Plain { String::new() } else { format!(", {}", entry.mode.word()) };
        entry.misses().iter().for_each(|miss| _ = writeln!(text, "- {}{how}{with}: {miss}.", entry.what));
    }
    text
}

fn row(entry: &Entry) -> String {
    let target = match entry.target {
        Target::Instructions(most) => format!("{most} instr."),
        Target::Nanoseconds(most) => format!("{most} ns"),
        Target::PercentOfLimit(percent) => format!("{percent} % of the limit"),
        Target::Open => String::new(),
    };
    let or_none = |cell: Option<&Measured>| cell.map(cost).unwrap_or_default();
    let others: Vec<_> = entry.peers().map(|cell| format!("{} {}", cell.library, cost(cell))).collect();
    let two = |cell: &Measured| Some(format!("{} {:.2}x", cell.library, cell.two_threads?.median));
    let mut two: Vec<_> = entry.cells.iter().filter(|cell| cell.library != LIMIT).filter_map(two).collect();
    if let Some(target) = entry.two_threads.filter(|target| *target > 0.0) {
        two.insert(0, format!("target {target}x"));
    }
    format!(
        "| {} | {target} | {} | {} | {} | {} |\n",
        entry.what,
        or_none(entry.resil()),
        or_none(entry.cell(LIMIT)),
        others.join("; "),
        two.join("; ")
    )
}

fn cost(cell: &Measured) -> String {
    let Measured { ns, instructions, .. } = cell;
    instructions.map_or_else(|| format!("{:.0} ns", ns.median), |count| format!("{:.0} ns · {count:.0}", ns.median))
}

/// The last three cells of a row in a README.
pub(super) fn in_short(entry: &Entry) -> Option<String> {
    let nearest = entry.nearest().map(|cell| format!("{:.0} ({})", cell.ns.median, cell.library));
    let tower = entry.cell(TOWER).map(|cell| format!("{:.0}", cell.ns.median));
    let (nearest, tower) = (nearest.unwrap_or_default(), tower.unwrap_or_default());
    Some(format!("{:.0} | {nearest} | {tower}", entry.resil()?.ns.median))
}
