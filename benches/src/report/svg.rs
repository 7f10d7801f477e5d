//! A chart of bars, for a page in light or dark.

use super::{Entry, TOWER};
use crate::row::RESIL;
use std::fmt::Write as _;

const LABELS: f64 = 250.0;
const BARS: f64 = 420.0;
const BAR: f64 = 15.0;
const HEAD: f64 = 64.0;

const STYLE: &str = "
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.number { font-size: 11px; fill: #59636e }
.resil { fill: #0969da } .near { fill: #8c959f } .tower { fill: #d4a72c }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .number { fill: #9198a1 }
  .resil { fill: #4493f8 } .near { fill: #6e7681 } .tower { fill: #bb8009 }
}";

/// Of these rows, in this order: resil, the nearest alternative and the other library, one bar each.
pub(super) fn chart(entries: &[&Entry]) -> String {
    let bars_of = |entry: &Entry| {
        let near = entry.nearest().map(|cell| ("near", cell.library, cell.ns.median));
        let named = |library, class| entry.cell(library).map(|cell| (class, library, cell.ns.median));
        [named(RESIL, "resil"), near, named(TOWER, "tower")].into_iter().flatten().collect::<Vec<_>>()
    };
    let longest = entries.iter().flat_map(|entry| bars_of(entry)).map(|(_, _, ns)| ns).fold(1.0, f64::max);
    let (mut body, mut said, mut top) = (String::new(), String::new(), HEAD);
    for entry in entries {
        let how = if entry.is_pending { ", pending once" } else { "" };
        let label = escaped(&format!("{}{how}", entry.what));
        _ = writeln!(
            body,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{label}</text>",
            LABELS - 10.0,
            top + BAR - 3.0
        );
        _ = write!(said, "{label}:");
        for (class, library, ns) in bars_of(entry) {
            let width = (ns / longest * BARS).max(1.0);
            let (library, height) = (escaped(library), BAR - 2.0);
            _ = writeln!(
                body,
                "<rect class=\"{class}\" x=\"{LABELS}\" y=\"{top}\" width=\"{width:.1}\" height=\"{height}\" rx=\"2\"/>"
            );
            let (x, y) = (LABELS + width + 6.0, top + BAR - 4.0);
            _ = writeln!(body, "<text class=\"number\" x=\"{x:.1}\" y=\"{y}\">{ns:.0} {library}</text>");
            _ = write!(said, " {library} {ns:.0},");
            top += BAR;
        }
        said.pop();
        said.push_str(". ");
        top += 12.0;
    }
    let (width, height) = (LABELS + BARS + 200.0, top + 4.0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title desc\">\n\
         <title id=\"title\">What a call costs, in nanoseconds</title>\n<desc id=\"desc\">{}</desc>\n<style>{STYLE}\n</style>\n\
         <text class=\"title\" x=\"10\" y=\"22\">Nanoseconds a call: shorter is better</text>\n\
         <text class=\"number\" x=\"10\" y=\"42\">resil, the nearest alternative, {TOWER}</text>\n{body}</svg>\n",
        said.trim_end()
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
