//! For programs.

use super::{COMMAND, Entry, Measured, Spread};
use crate::{Target, machine};

/// All that was measured.
pub(super) fn all(entries: &[Entry]) -> String {
    let rows: Vec<_> = entries.iter().map(row).collect();
    let (command, machine) = (text(COMMAND), text(&machine::described()));
    format!("{{\n  \"command\": {command},\n  \"machine\": {machine},\n  \"rows\": [\n{}\n  ]\n}}\n", rows.join(",\n"))
}

fn row(entry: &Entry) -> String {
    let target = match entry.target {
        Target::Instructions(most) => format!("{{\"instructions\": {most}}}"),
        Target::Nanoseconds(most) => format!("{{\"ns\": {most}}}"),
        Target::PercentOfLimit(percent) => format!("{{\"percent_of_limit\": {percent}}}"),
        Target::Open => "null".to_owned(),
    };
    let cells: Vec<_> = entry.cells.iter().map(cell).collect();
    format!(
        "    {{\"id\": {}, \"what\": {}, \"pending\": {}, \"mode\": {}, \"target\": {target}, \"two_threads_target\": {}, \"cells\": [\n{}\n    ]}}",
        text(entry.id),
        text(entry.what),
        entry.is_pending,
        text(entry.mode.word()),
        number(entry.two_threads),
        cells.join(",\n")
    )
}

fn cell(cell: &Measured) -> String {
    let two = cell.two_threads.as_ref().map_or_else(|| "null".to_owned(), spread);
    let (library, ns, instructions) = (text(cell.library), spread(&cell.ns), number(cell.instructions));
    format!("      {{\"library\": {library}, \"ns\": {ns}, \"instructions\": {instructions}, \"two_threads\": {two}}}")
}

fn spread(spread: &Spread) -> String {
    let Spread { median, least, upper_quartile } = spread;
    format!("{{\"median\": {median:.2}, \"least\": {least:.2}, \"upper_quartile\": {upper_quartile:.2}}}")
}

fn number(number: Option<f64>) -> String {
    number.map_or_else(|| "null".to_owned(), |number| format!("{number:.1}"))
}

fn text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
