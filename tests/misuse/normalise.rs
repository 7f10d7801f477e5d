//! What rustc says, without what differs between two machines, and without the lines of files that are no case.

use serde_json::Value;

/// The messages in rustc's JSON, as a person sees them, with an empty line between two.
pub(crate) fn messages(json: &[u8], case: &str) -> String {
    let mut messages = Vec::new();
    for line in String::from_utf8_lossy(json).lines() {
        // A compiler that crashes speaks plainly.
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            messages.push(line.to_owned());
            continue;
        };
        let rendered = message["rendered"].as_str().unwrap_or_default();
        if message["level"] != "failure-note" && !rendered.starts_with("error: aborting due to ") {
            messages.push(narrow(&steady(rendered, case)));
        }
    }
    let messages: Vec<_> = messages.iter().map(|message| message.trim_end()).collect();
    messages.join("\n\n") + "\n"
}

/// A message without this machine's paths, and without what moves when another file or a dependency is changed.
fn steady(message: &str, case: &str) -> String {
    let mut elsewhere = false;
    let mut steady = Vec::new();
    for line in message.lines() {
        let text = line.trim_start();
        let indent = &line[..line.len() - text.len()];
        let is_code = text.starts_with(|first: char| first.is_ascii_digit() || "|.".contains(first));
        steady.push(if let Some(place) = ["--> ", "::: "].iter().find_map(|arrow| text.strip_prefix(arrow)) {
            elsewhere = !place.starts_with(case);
            if elsewhere { format!("{indent}{}{}", &text[..4], portable(place)) } else { line.to_owned() }
        } else if elsewhere && is_code {
            let code = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
            format!("{code:>width$}", width = line.chars().count())
        } else if text.starts_with("and ") && text.ends_with(" others") {
            format!("{indent}and $N others")
        } else if text.starts_with("= note: the full name for the type has been written to ")
            || text == "= note: consider using `--verbose` to print the full type name to the console"
        {
            continue;
        } else {
            elsewhere = false;
            line.to_owned()
        });
    }
    steady.join("\n")
}

/// A place in another file: below the folder that every machine has, and without a line.
fn portable(place: &str) -> String {
    let file = place.split(':').next().unwrap_or(place);
    let of_std = file.starts_with("/rustc/") || file.contains("/rustlib/src/rust/");
    if let Some((_, file)) = file.split_once("/library/").filter(|_| of_std) {
        return format!("$RUST/{file}");
    }
    if let Some((_, file)) = file.split_once("/registry/src/").and_then(|(_, file)| file.split_once('/')) {
        return format!("$CARGO/{file}");
    }
    file.to_owned()
}

/// A message whose gutter is as wide as the line numbers that are left in it.
fn narrow(message: &str) -> String {
    let arrow = message.lines().find(|line| line.trim_start().starts_with("--> "));
    let width = arrow.map_or(0, |line| line.len() - line.trim_start().len());
    let numbers = message.lines().filter_map(|line| line.get(..width)).map(str::trim_start);
    let needed = numbers.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit())).map(str::len).max();
    let surplus = " ".repeat(width.saturating_sub(needed.unwrap_or_default().max(1)));

    let mut in_text = false;
    let narrowed = message.lines().map(|line| {
        in_text = line.starts_with(char::is_alphabetic) || in_text && line.starts_with("      ");
        if in_text { line } else { line.strip_prefix(&surplus).unwrap_or(line) }
    });
    narrowed.collect::<Vec<_>>().join("\n")
}
