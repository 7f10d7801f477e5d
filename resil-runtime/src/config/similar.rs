//! What was meant, where something is unknown; and how what others wrote is shown.

/// Longer names are not compared, and not shown whole.
const LONGEST: usize = 100;

/// The known name that a misspelt one resembles.
pub(super) fn likely<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > LONGEST {
        return None;
    }
    let written = written.to_lowercase();
    let known = known.into_iter().filter(|name| name.len() <= LONGEST);
    let closest = known.map(|name| (strsim::damerau_levenshtein(&written, &name.to_lowercase()), name)).min();
    closest.filter(|(distance, name)| *distance <= name.len() / 2).map(|(_, name)| name)
}

/// `; did you mean X?`, or what there is.
pub(super) fn suggestion<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(meant) = likely(written, known.iter().copied()) {
        return format!("; did you mean `{}`?", quoted(meant));
    }
    let some: Vec<_> = known.iter().take(12).map(|name| format!("`{}`", quoted(name))).collect();
    match (some.is_empty(), known.len() > some.len()) {
        (true, _) => "; there is none".to_owned(),
        (false, true) => format!("; known are {}, ..", some.join(", ")),
        (false, false) => format!("; known are {}", some.join(", ")),
    }
}

/// What others wrote is data: it must not end a line, nor fill the screen.
pub(super) fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(LONGEST).collect();
    let more = if shown.len() < text.len() { ".." } else { "" };
    format!("{}{more}", shown.escape_debug())
}
