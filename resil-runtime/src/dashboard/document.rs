//! Everything that the page shows, in parts, so that a viewer is sent what has changed.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

/// The process at one moment.
#[derive(Debug)]
pub(super) struct Document {
    at: SystemTime,
    /// Each as JSON.
    parts: BTreeMap<String, Arc<str>>,
}

impl Document {
    pub(super) fn at(at: SystemTime) -> Self {
        Self { at, parts: BTreeMap::new() }
    }

    /// Adds a part. A second one of this name, which policies made by hand can have, is told apart by a number.
    pub(super) fn put(&mut self, name: &str, what: &impl Serialize) {
        // Words and numbers always have a text.
        let Ok(text) = serde_json::to_string(what) else { return };
        let mut free = name.to_owned();
        let mut number = 1;
        while self.parts.contains_key(&free) {
            number += 1;
            free = format!("{name}#{number}");
        }
        self.parts.insert(free, text.into());
    }

    /// Adds a part, unless there is one of this name.
    pub(super) fn put_once(&mut self, name: &str, what: &impl Serialize) {
        if !self.parts.contains_key(name) {
            self.put(name, what);
        }
    }

    /// The same, where what has not changed is not kept twice.
    pub(super) fn following(mut self, before: &Self) -> Self {
        for (name, part) in &mut self.parts {
            if let Some(same) = before.parts.get(name).filter(|same| *same == part) {
                *part = Arc::clone(same);
            }
        }
        self
    }

    /// As JSON, for somebody who has all of it `since` then, or nothing. What is gone is null.
    pub(super) fn to_json(&self, since: Option<&Self>) -> String {
        let at = self.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut json = format!("{{\"at_unix_seconds\":{at},\"is_whole\":{},\"parts\":{{", since.is_none());
        let known = |name: &str| since.and_then(|since| since.parts.get(name));
        let changed =
            self.parts.iter().filter(|(name, part)| known(name).is_none_or(|known| !Arc::ptr_eq(known, part)));
        let gone = since.iter().flat_map(|since| since.parts.keys()).filter(|name| !self.parts.contains_key(*name));
        let changed = changed.map(|(name, part)| (name, &**part)).chain(gone.map(|name| (name, "null")));
        for (number, (name, part)) in changed.enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let name = serde_json::Value::from(name.as_str());
            _ = write!(json, "{comma}{name}:{part}");
        }
        json.push_str("}}");
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn document(parts: &[(&str, Value)]) -> Document {
        let mut document = Document::at(SystemTime::UNIX_EPOCH);
        for (name, value) in parts {
            document.put(name, value);
        }
        document
    }

    fn parts(document: &Document, since: Option<&Document>) -> Value {
        let json: Value = serde_json::from_str(&document.to_json(since)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(json["is_whole"], since.is_none());
        json["parts"].clone()
    }

    #[test]
    fn who_has_nothing_is_sent_all_and_who_has_it_what_changed() {
        let before = document(&[("a", json!(1)), ("b", json!(2)), ("gone", json!(3))]);
        let after =
            document(&[("a", json!(1)), ("b", json!("</script>\"\u{2028}")), ("new", json!([4]))]).following(&before);
        assert_eq!(parts(&before, None), json!({"a": 1, "b": 2, "gone": 3}));
        let changed = parts(&after, Some(&before));
        assert_eq!(changed, json!({"b": "</script>\"\u{2028}", "new": [4], "gone": null}));
        assert_eq!(parts(&after, Some(&after)), json!({}));
    }

    #[test]
    fn parts_of_one_name_are_told_apart_and_a_line_is_a_line() {
        let twins = document(&[("a\n\"", json!("x\ny")), ("a\n\"", json!(2))]);
        assert_eq!(parts(&twins, None), json!({"a\n\"": "x\ny", "a\n\"#2": 2}));
        assert!(!twins.to_json(None).contains('\n'), "an event of a stream ends with its line");
    }
}
