//! What the README and the pages in `docs/` say holds: the texts agree with each other and with the source.
#![expect(clippy::expect_used, reason = "a test")]

#[path = "../support/alerts.rs"]
mod alerts;
mod errors;
mod figures;

use alerts::Alert;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Cargo runs a test in the folder of its package.
fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// The code blocks of a page, each with the words after its fence.
fn code_blocks(page: &str) -> Vec<&str> {
    page.split("```").skip(1).step_by(2).collect()
}

/// Everything but its code blocks.
fn prose(page: &str) -> String {
    page.split("```").step_by(2).collect()
}

/// Every page that a reader may come to.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> =
        ["README.md", "README.ko.md", "CONTRIBUTING.md", "benches/README.md"].map(PathBuf::from).into();
    for folder in ["docs", "resil-macros/docs"] {
        let files = fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("it is read").path());
        pages.extend(files.filter(|file| file.extension().is_some_and(|kind| kind == "md")));
    }
    pages.push("examples/checkout/README.md".into());
    pages
}

#[test]
fn every_answer_to_where_is_it_is_there() {
    let page = read("docs/where.md");
    let files: Vec<&str> = page.split('`').filter(|text| text.starts_with("resil-")).collect();
    assert!(files.len() >= 20, "{files:?}");
    for file in files {
        assert!(Path::new(file).is_file(), "{file} is not there");
    }
}

#[test]
fn the_readme_is_short() {
    for readme in ["README.md", "README.ko.md"] {
        let lines = read(readme).lines().count();
        assert!(lines <= 200, "{readme} has {lines} lines");
    }
}

#[test]
fn the_readme_names_the_oldest_compiler() {
    let manifest = read("Cargo.toml");
    let version =
        manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a version");
    for readme in ["README.md", "README.ko.md"] {
        assert!(read(readme).contains(&format!("Rust {version} ")), "{readme} names another version than {version}");
    }
}

#[test]
fn every_example_compiles() {
    for page in pages() {
        let text = read(&page);
        let ignored =
            code_blocks(&text).into_iter().find(|block| block.lines().next().unwrap_or("").contains("ignore"));
        assert_eq!(ignored, None, "{} has an example that nobody compiles", page.display());
    }
}

#[test]
fn both_languages_show_the_same_code() {
    for (english, korean) in [("README.md", "README.ko.md"), ("docs/guide.md", "docs/guide.ko.md")] {
        let (english_page, korean_page) = (read(english), read(korean));
        let (shown, translated) = (code_blocks(&english_page), code_blocks(&korean_page));
        assert!(!shown.is_empty(), "{english} has no code");
        assert_eq!(shown.len(), translated.len(), "{korean} has another number of code blocks than {english}");
        for (english_block, korean_block) in shown.iter().zip(translated) {
            assert_eq!(*english_block, korean_block, "{korean} differs from {english}");
        }
    }
}

#[test]
fn both_languages_have_the_same_sections_and_rows() {
    let shape = |page: &str| {
        let lines = |of: fn(&str) -> bool| prose(page).lines().filter(|line| of(line)).count();
        (lines(|line| line.starts_with('#')), lines(|line| line.starts_with('|')), lines(|line| line.starts_with("- ")))
    };
    for (english, korean) in [("README.md", "README.ko.md"), ("docs/guide.md", "docs/guide.ko.md")] {
        assert_eq!(shape(&read(english)), shape(&read(korean)), "headings, rows and points of {english} and {korean}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        let text = prose(&read(&page));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (ours, link) = match link.strip_prefix("https://github.com/resil-rs/resil/blob/main/") {
                Some(link) => (true, link),
                None => (false, link),
            };
            // rustdoc checks its own links; nothing here asks the network.
            if link.contains("://") || link.contains("@crate::") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = if ours { Path::new("") } else { page.parent().expect("it is in a folder") };
            let target = if file.is_empty() { page.clone() } else { folder.join(file) };
            let leads = target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !leads {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

/// Whoever is woken finds what to do.
#[test]
fn every_alert_leads_to_what_to_do() {
    const OPERATION: &str = "https://github.com/resil-rs/resil/blob/main/docs/operation.md#";
    let anchors = anchors(&read("docs/operation.md"));
    let alerts = alerts::alerts(&read(alerts::FILE));
    assert!(alerts.len() >= 5, "{alerts:?}");
    for alert in &alerts {
        for key in ["expr", "for", "severity", "summary", "description", "runbook_url"] {
            assert!(alert.says.get(key).is_some_and(|value| !value.trim().is_empty()), "{} has no {key}", alert.name);
        }
        assert!(["page", "ticket"].contains(&&*alert.says["severity"]), "{alert:?}");
        let anchor = alert.says["runbook_url"].strip_prefix(OPERATION).expect("it leads into docs/operation.md");
        assert!(anchors.contains(anchor), "{}: docs/operation.md has no #{anchor}", alert.name);
    }
    // And its own test fires it.
    let tests = read("examples/checkout/alerts.test.yml");
    for Alert { name, .. } in &alerts {
        let tried = format!("alertname: {name}\n");
        assert!(tests.contains(&tried), "no test sees {name} fire");
    }
}

/// What GitHub makes of the headings of a page, and the anchors that it sets itself.
fn anchors(page: &str) -> BTreeSet<String> {
    let page = prose(page);
    let set = page.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned);
    let headings = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let slug = |heading: &str| {
        let kept =
            heading.to_lowercase().chars().filter(|&c| c.is_alphanumeric() || "-_ ".contains(c)).collect::<String>();
        kept.replace(' ', "-")
    };
    headings.map(slug).chain(set).collect()
}
