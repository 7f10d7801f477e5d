//! Instructions a call takes, counted by callgrind: the same on a busy machine, so they can be a test.

use crate::machine::{has_valgrind, kind};
use crate::{Mode, Row};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// A table that is further off than this is wrong, in either direction.
const SLACK: f64 = 0.03;

/// The difference between two runs leaves out the making of a runtime.
const CALLS: [u32; 2] = [10_000, 30_000];

/// How many instructions one call of this case takes.
pub(crate) fn of_a_call(id: &str, mode: Mode) -> Result<f64, String> {
    let [few, many] = CALLS;
    let first = collected(id, mode, few)?;
    Ok((collected(id, mode, many)? - first) / f64::from(many - few))
}

fn collected(id: &str, mode: Mode, calls: u32) -> Result<f64, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=resil_benches::rounds::counted*",
        ])
        .arg(program)
        .args(["--once", id, &calls.to_string(), mode.word()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let count =
        said.lines().find_map(|line| line.split_once("Collected : ")).and_then(|(_, count)| count.trim().parse().ok());
    count.filter(|_| output.status.success()).ok_or_else(|| format!("{id}: valgrind says {said}"))
}

/// Compares resil's cases with the table in this file, or writes it where `UPDATE` is set. Says what it does.
///
/// # Errors
///
/// All that are off.
pub fn check(rows: &[Row], table: &Path) -> Result<(), String> {
    if !has_valgrind() {
        println!("instructions: skipped, because valgrind is not installed");
        return Ok(());
    }
    let update = env::var_os("UPDATE").is_some();
    let written = fs::read_to_string(table).unwrap_or_default();
    if !update && let Some((what, its)) = kind().into_iter().find(|(what, its)| !written.contains(&line(what, its))) {
        println!("instructions: skipped, because {} is exact for another {what} than {its}", table.display());
        return Ok(());
    }
    let known = |id: &str| {
        let mut lines = written.lines().filter_map(|line| line.rsplit_once(' '));
        lines.find(|(known, _)| known.trim_end() == id).and_then(|(_, count)| count.parse::<f64>().ok())
    };
    let mut new = String::from(
        "# Instructions per call by callgrind, which CI compares: see benches/README.md. They are exact for this kind of machine:\n",
    );
    for (what, its) in kind() {
        _ = writeln!(new, "{}", line(what, &its));
    }
    let mut off = String::new();
    // What another thread does for a call depends on when it is woken.
    let stays_here = |row: &&Row| row.does.asked >= row.does.ok;
    let cells = rows.iter().filter(stays_here).filter_map(|row| Some((row.mode, row.cells.first()?)));
    let mut count = 0;
    for (mode, cell) in cells {
        let now = of_a_call(&cell.id, mode)?;
        _ = writeln!(new, "{} {now:.0}", cell.id);
        count += 1;
        match known(&cell.id) {
            Some(known) if (now - known).abs() <= known * SLACK => {}
            Some(known) if now < known => _ = writeln!(off, "{}: {now:.0} and no longer {known:.0}: better", cell.id),
            Some(known) => _ = writeln!(off, "{}: {now:.0} instead of {known:.0}", cell.id),
            None => _ = writeln!(off, "{}: {now:.0}, and it is not in the table", cell.id),
        }
    }
    if update {
        fs::write(table, new).map_err(|error| format!("{}: {error}", table.display()))?;
        println!("instructions: written, {count} cases");
        return Ok(());
    }
    if off.is_empty() {
        println!("instructions: {count} cases are within {:.0} % of the table", 100.0 * SLACK);
        return Ok(());
    }
    Err(format!(
        "instructions per call differ from {}:\n{off}UPDATE=1 writes them, as a line in the diff",
        table.display()
    ))
}

fn line(what: &str, its: &str) -> String {
    format!("# {what}: {its}")
}
