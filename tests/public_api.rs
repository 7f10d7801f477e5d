//! Everything that a user can name, as the documentation has it, against the listing in `docs/public-api.txt`: a change of
//! it is a line in the diff. `UPDATE_SNAPSHOTS=1` rewrites the listing.
#![expect(clippy::expect_used, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
#[ignore = "builds the documentation, which takes a minute"]
fn what_is_public_is_meant() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("public-api");
    let documented = Command::new(env!("CARGO"))
        .args(["doc", "--quiet", "--no-deps", "--all-features", "--package", "resil"])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", &target)
        .status();
    assert!(documented.expect("cargo runs").success());
    let mut items = BTreeSet::new();
    list(&target.join("doc/resil"), "resil", &mut items);
    let listing: String = items.into_iter().map(|item| item + "\n").collect();
    let kept = root.join("docs/public-api.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        return fs::write(kept, listing).expect("the listing is written");
    }
    let known = fs::read_to_string(kept).expect("the listing is there");
    let differences: Vec<_> = known
        .lines()
        .filter(|line| !listing.lines().any(|now| now == *line))
        .map(|line| format!("- {line}"))
        .chain(listing.lines().filter(|line| !known.lines().any(|was| was == *line)).map(|line| format!("+ {line}")))
        .collect();
    assert!(
        differences.is_empty(),
        "the public API has changed; if it is meant, `UPDATE_SNAPSHOTS=1 cargo test --test public_api -- --ignored`:\n{}",
        differences.join("\n")
    );
}

/// The pages of a module, and of the modules in it.
fn list(folder: &Path, module: &str, items: &mut BTreeSet<String>) {
    let entries = fs::read_dir(folder).expect("a folder of the documentation");
    let entries: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    for path in entries {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() {
            list(&path, &format!("{module}::{name}"), items);
        } else if let Some((kind, item)) = name.strip_suffix(".html").and_then(|name| name.split_once('.')) {
            let page = fs::read_to_string(&path).expect("a page");
            items.insert(format!("{kind} {module}::{item}"));
            // What a type has from a trait is said by the `impl`.
            let is_own = |member: &String| {
                kind == "trait" || !member.starts_with("method fn") && !member.starts_with("method async fn")
            };
            items.extend(members(&page).filter(is_own).map(|member| format!("{kind} {module}::{item}: {member}")));
        }
    }
}

/// What has an anchor of its own: `method admit: pub fn admit(&self) -> Result<Pass<'_>, Error>`.
fn members(page: &str) -> impl Iterator<Item = String> {
    const KINDS: [&str; 7] =
        ["method", "tymethod", "variant", "structfield", "associatedconstant", "associatedtype", "impl"];
    // What follows is of the compiler's making, or of another crate.
    let own = page.split("id=\"synthetic-implementations\"").next().unwrap_or_default();
    let own = own.split("id=\"blanket-implementations\"").next().unwrap_or_default();
    own.split(" id=\"").skip(1).filter_map(|rest| {
        let (anchor, rest) = rest.split_once('"')?;
        let kind = anchor.split(['.', '-']).next()?;
        if !KINDS.contains(&kind) {
            return None;
        }
        let code = rest.split_once("class=\"code-header\">")?.1.split_once("</h")?.0;
        Some(format!("{kind} {}", text(code)))
    })
}

/// Without tags, in one line.
fn text(html: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for char in html.chars() {
        match char {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ if !in_tag => text.push(char),
            _ => {}
        }
    }
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
        .replace("&#39;", "'")
        .replace("&nbsp;", " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
