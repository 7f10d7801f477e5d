//! What the benches write into the pages is of one run.

use super::read;
use std::collections::BTreeMap;

/// Of a page that the benches write in part.
fn figures(page: &str) -> String {
    let text = read(page);
    let written = text.split_once("<!-- figures -->").and_then(|(_, rest)| rest.split_once("<!-- end of figures -->"));
    written.unwrap_or_else(|| panic!("{page} has no figures")).0.to_owned()
}

#[test]
fn the_figures_of_the_readme_are_those_of_one_run() {
    let run: serde_json::Value = serde_json::from_str(&read("docs/performance.json")).expect("JSON");
    let rows = run["rows"].as_array().expect("rows");
    let median = |cell: &serde_json::Value| format!("{:.0}", cell["ns"]["median"].as_f64().expect("a median"));
    let known: BTreeMap<&str, [String; 3]> = rows
        .iter()
        .filter(|row| row["pending"] == false && row["mode"] == "plain")
        .map(|row| {
            let cells = row["cells"].as_array().expect("cells");
            let of =
                |library: &str| cells.iter().find(|cell| cell["library"] == library).map(median).unwrap_or_default();
            let others = cells.iter().filter(|cell| {
                !["resil", "limit", "tower-resilience"].contains(&cell["library"].as_str().expect("a library"))
            });
            let time = |cell: &&serde_json::Value| cell["ns"]["median"].as_f64().expect("a median");
            let nearest = others.min_by(|one, other| time(one).total_cmp(&time(other)));
            let nearest =
                nearest.map(|cell| format!("{} ({})", median(cell), cell["library"].as_str().unwrap_or_default()));
            let figures = [of("resil"), nearest.unwrap_or_default(), of("tower-resilience")];
            (row["what"].as_str().expect("what is called"), figures)
        })
        .collect();
    let rows_of = |page: &str| {
        let table: Vec<Vec<String>> = figures(page)
            .lines()
            .filter(|line| line.starts_with('|'))
            .skip(2)
            .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
            .collect();
        assert!(table.len() >= 4, "{page} has too few figures");
        table
    };
    let (english, korean) = (rows_of("README.md"), rows_of("README.ko.md"));
    for row in &english {
        assert_eq!(
            Some(&row[1..]),
            known.get(&*row[0]).map(|figures| &figures[..]),
            "of {} in docs/performance.json",
            row[0]
        );
    }
    let only_figures = |rows: &[Vec<String>]| rows.iter().map(|row| row[1..].to_vec()).collect::<Vec<_>>();
    assert_eq!(only_figures(&english), only_figures(&korean), "README.md and README.ko.md");
}

#[test]
fn the_page_of_figures_and_its_data_are_of_one_run() {
    let run: serde_json::Value = serde_json::from_str(&read("docs/performance.json")).expect("JSON");
    let page = figures("docs/performance.md");
    for row in run["rows"].as_array().expect("rows") {
        let median = row["cells"][0]["ns"]["median"].as_f64().expect("a median");
        let line = format!("| {} |", row["what"].as_str().expect("what is called"));
        let found = page.lines().any(|found| found.starts_with(&line) && found.contains(&format!("| {median:.0} ns")));
        assert!(found, "{line} {median:.0} ns is not in docs/performance.md");
    }
    assert!(page.contains(run["machine"].as_str().expect("a machine")), "it says where");
}
