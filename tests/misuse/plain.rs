//! What the compiler says, without what differs from one machine, version or line of a foreign file to the next.

/// The messages about one file.
pub fn text(said: &str, file: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    // In a snippet of another file, numbers of lines are left out.
    let mut foreign = false;
    let mut listed = 0;
    for line in said.lines().map(str::trim_end) {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        if let Some((arrow, place)) = ["--> ", "::: "].iter().find_map(|arrow| Some((arrow, rest.strip_prefix(arrow)?)))
        {
            foreign = !place.starts_with(file);
            let place = if foreign { shortened(place) } else { place.to_owned() };
            lines.push(format!("{indent}{arrow}{place}"));
            continue;
        }
        if is_noise(rest) {
            continue;
        }
        foreign &= rest.starts_with(|c: char| c.is_ascii_digit() || c == '|' || c == '.');
        let mut line = line.to_owned();
        if foreign {
            let gutter = line.len() - line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).len();
            line.replace_range(..gutter, &" ".repeat(gutter));
        }
        listed = match (rest.contains("types implement trait"), indent.len() >= 12) {
            (true, _) => 1,
            (false, true) if listed > 0 => listed + 1,
            _ => 0,
        };
        match listed {
            0..10 => lines.push(with_any_number(&line)),
            10 => lines.push(format!("{}and $N others", &indent[2..])),
            _ => {}
        }
    }
    let text = unindented(&lines).join("\n");
    text.trim_end().to_owned() + "\n"
}

/// Where a file of somebody else's is, on every machine.
fn shortened(place: &str) -> String {
    let mut parts = place.rsplitn(3, ':');
    let path = parts.by_ref().nth(2).unwrap_or(place);
    if let Some((_, inner)) = path.split_once("/library/").filter(|_| path.contains("/rust")) {
        return format!("$RUST/{inner}");
    }
    let Some((_, registry)) = path.split_once("/registry/src/") else { return path.to_owned() };
    let inner = registry.split_once('/').map_or(registry, |(_, inner)| inner);
    let (krate, inner) = inner.split_once('/').unwrap_or((inner, ""));
    let name = krate.find('.').and_then(|dot| krate[..dot].rfind('-')).map_or(krate, |end| &krate[..end]);
    format!("$CARGO/{name}-$VERSION/{inner}")
}

fn is_noise(line: &str) -> bool {
    let note = line.strip_prefix("= note: ").unwrap_or(line);
    line.starts_with("error: aborting due to ")
        || line.starts_with("For more information about ")
        || line.starts_with("Some errors have detailed explanations:")
        || note.starts_with("the full name for the type has been written to")
        || note.starts_with("the full type name has been written to")
}

/// `and 87 others` is another number with the next version of a crate.
fn with_any_number(line: &str) -> String {
    match line.trim_start().strip_prefix("and ").and_then(|rest| rest.strip_suffix(" others")) {
        Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => line.replace(number, "$N"),
        _ => line.to_owned(),
    }
}

/// Each message with a gutter that is as wide as its own numbers need.
fn unindented(lines: &[String]) -> Vec<String> {
    let mut plain = Vec::new();
    for message in lines.chunk_by(|_, next| !is_heading(next)) {
        let spare = message.iter().filter_map(|line| spare(line)).min().unwrap_or(0);
        plain.extend(message.iter().map(|line| {
            // What a note says goes on below it.
            let goes_on = line.starts_with("           ");
            if self::spare(line).is_none() && !goes_on {
                return line.clone();
            }
            let at = line.find(' ').unwrap_or(0);
            line[..at].to_owned() + &line[at + spare..]
        }));
    }
    plain
}

fn is_heading(line: &str) -> bool {
    ["error", "warning"].iter().any(|word| line.strip_prefix(word).is_some_and(|rest| rest.starts_with([':', '['])))
}

/// How many spaces could be cut out of the gutter of a line of code.
fn spare(line: &str) -> Option<usize> {
    let after = line.trim_start_matches(' ');
    let number = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let rest = after[number..].trim_start_matches(' ');
    let spaces = line.len() - rest.len() - number;
    let is_code = rest == "|" || ["| ", "|", "--> ", "::: ", "= "].iter().any(|sign| rest.starts_with(sign));
    (is_code && spaces > 0).then(|| spaces - 1)
}
