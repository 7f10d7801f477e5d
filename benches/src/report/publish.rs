//! Writes the documentation's figures.

use super::{Entry, json, markdown, svg};
use std::fs;
use std::path::Path;

/// The rows of both READMEs, in their order.
const README: [&str; 4] = ["retry", "timeout", "stack", "semaphore"];

const CHART: [&str; 8] =
    ["retry", "breaker", "timeout", "semaphore", "stack", "whole", "pending-timeout", "pending-whole"];

const BEGIN: &str = "<!-- figures -->\n";
const END: &str = "<!-- end of figures -->";

/// Writes the page, its data and its chart under `docs`, and the rows of the READMEs, in the repository at this place.
///
/// # Errors
///
/// What could not be written, or a page without the marks to write between.
pub fn publish(entries: &[Entry], repository: &Path) -> Result<(), String> {
    let find = |id: &&str| entries.iter().find(|entry| entry.id == *id);
    let rows: Vec<_> = README.iter().filter_map(find).collect();
    let chart: Vec<_> = CHART.iter().filter_map(find).collect();
    write(&repository.join("docs/performance.json"), &json::all(entries))?;
    write(&repository.join("docs/performance.svg"), &svg::chart(&chart))?;
    between(&repository.join("docs/performance.md"), |_| format!("\n{}\n", markdown::tables(entries)))?;
    for readme in ["README.md", "README.ko.md"] {
        between(&repository.join(readme), |old| in_readme(old, &rows))?;
    }
    Ok(())
}

/// The same heads and first cells, which are in the page's language, and new figures.
fn in_readme(old: &str, rows: &[&Entry]) -> String {
    let is_row = |line: &&str| line.starts_with('|');
    let head = old.lines().take_while(|line| !is_row(line)).chain(old.lines().filter(is_row).take(2));
    let names = old.lines().filter(is_row).skip(2).filter_map(|line| line.split('|').nth(1));
    let new = names.zip(rows).filter_map(|(name, entry)| Some(format!("|{name}| {} |", markdown::in_short(entry)?)));
    head.map(str::to_owned).chain(new).chain([String::new(), String::new()]).collect::<Vec<_>>().join("\n")
}

fn between(page: &Path, new: impl FnOnce(&str) -> String) -> Result<(), String> {
    let text = fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
    let (before, (old, after)) = parts.ok_or_else(|| format!("{}: no {BEGIN}", page.display()))?;
    write(page, &format!("{before}{BEGIN}{}{END}{after}", new(old)))
}

fn write(page: &Path, text: &str) -> Result<(), String> {
    fs::write(page, text).map_err(|error| format!("{}: {error}", page.display()))
}
