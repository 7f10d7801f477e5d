//! The whole registry as plain text, for an operator to print.

use super::Registry;
use super::check::policies;
use super::handle::Row;
use std::collections::BTreeMap;
use std::fmt;

/// One table for each kind of state, then every call site with its policies.
impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, mut lines) in Self::with(tables) {
            lines.sort();
            table(f, title, &lines)?;
        }
        f.write_str("call sites")?;
        self.call_sites().into_iter().try_for_each(|call_site| write!(f, "\n{call_site}"))
    }
}

/// A label, and what is beside it.
type Labelled = (String, Vec<(&'static str, String)>);

fn tables(states: &super::States) -> BTreeMap<&'static str, Vec<Labelled>> {
    let mut tables: BTreeMap<_, Vec<Labelled>> = BTreeMap::new();
    for policy in policies() {
        if policy.handle().set_up(states).is_err() {
            let written = policy.written();
            let label = written.name.map_or_else(|| written.site.to_string(), str::to_owned);
            let line = (escaped(&label), vec![("", "misconfigured".to_owned())]);
            let lines = tables.entry(written.kind).or_default();
            // A contradiction is found at each of its sites.
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    for state in states.every() {
        if let Some(Row { table, cells }) = state.row() {
            tables.entry(table).or_default().push((escaped(state.label()), cells));
        }
    }
    tables
}

/// A name is data: it must not end a line, or say more to a terminal than its letters.
fn escaped(label: &str) -> String {
    label.escape_debug().to_string()
}

/// Columns as wide as what stands in them.
fn table(f: &mut fmt::Formatter<'_>, title: &str, lines: &[Labelled]) -> fmt::Result {
    let columns = lines.iter().map(|(_, cells)| cells).max_by_key(|cells| cells.len());
    let titles = columns.into_iter().flatten().map(|(column, _)| (*column).to_owned());
    let header: Vec<String> = std::iter::once(title.to_owned()).chain(titles).collect();
    let rows = lines.iter().map(|(label, cells)| {
        std::iter::once(label).chain(cells.iter().map(|(_, cell)| cell)).cloned().collect::<Vec<_>>()
    });
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..rows[0].len()).map(|column| width(column).unwrap_or(0)).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    writeln!(f)
}
