//! Values as texts: what is stored is read again as the same.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that can be stored and read again; implemented for everything that serde can write and read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored and read again",
    label = "a repeated request is answered with what was stored",
    note = "write `#[derive(serde::Serialize, serde::Deserialize)]` above it"
)]
pub trait Stored: Sized + Send {
    /// The value as text.
    ///
    /// # Errors
    ///
    /// In words that do not quote it.
    #[doc(hidden)]
    fn encode(&self) -> Result<String, String>;
    /// The value of this text.
    ///
    /// # Errors
    ///
    /// In words that do not quote it.
    #[doc(hidden)]
    fn decode(text: &str) -> Result<Self, String>;
}

impl<T: Serialize + DeserializeOwned + Send> Stored for T {
    fn encode(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|error| unquoted(&error))
    }

    fn decode(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| unquoted(&error))
    }
}

/// What is wrong, without the value: serde quotes what it finds.
pub(crate) fn unquoted(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let at = format!("at line {} column {}", error.line(), error.column());
    match error.classify() {
        _ if error.line() == 0 => "it has no JSON form".to_owned(),
        Category::Data => format!("a value {at} is of another type or missing"),
        Category::Syntax => format!("it is no JSON {at}"),
        Category::Eof => format!("it ends too soon {at}"),
        Category::Io => "it could not be written".to_owned(),
    }
}

/// The one text of a value: the fields of objects sorted, so that a map has the same one each time.
pub(crate) fn canonical(value: &(impl Serialize + ?Sized)) -> Result<String, String> {
    serde_json::to_string(value).map(|text| sorted(&text)).map_err(|error| unquoted(&error))
}

/// A JSON text with the fields of its objects sorted. Numbers stay as they are written: no type holds them all.
pub(crate) fn sorted(json: &str) -> String {
    let mut sorted = String::with_capacity(json.len());
    value(json, &mut sorted);
    sorted
}

/// Writes the value that a text begins with, and answers what is left. The text is what serde has written, without spaces.
fn value<'a>(text: &'a str, to: &mut String) -> &'a str {
    match text.as_bytes().first() {
        Some(b'{') => {
            let mut fields = Vec::new();
            let rest = items(text, b'}', |text| {
                let (name, rest) = text.split_at(end_of_string(text));
                let mut field = format!("{name}:");
                let rest = value(rest.get(1..).unwrap_or_default(), &mut field);
                fields.push(field);
                rest
            });
            fields.sort_unstable();
            to.push('{');
            for field in fields {
                to.push_str(&field);
                to.push(',');
            }
            to.push('}');
            rest
        }
        Some(b'[') => {
            to.push('[');
            let rest = items(text, b']', |text| {
                let rest = value(text, to);
                to.push(',');
                rest
            });
            to.push(']');
            rest
        }
        Some(b'"') => {
            let (string, rest) = text.split_at(end_of_string(text));
            to.push_str(string);
            rest
        }
        _ => {
            let end = text.find([',', ']', '}']).unwrap_or(text.len());
            let (word, rest) = text.split_at(end);
            to.push_str(word);
            rest
        }
    }
}

/// Calls `item` for each item between brackets, and answers what is left.
fn items<'a>(text: &'a str, end: u8, mut item: impl FnMut(&'a str) -> &'a str) -> &'a str {
    let mut rest = text.get(1..).unwrap_or_default();
    while let Some(first) = rest.as_bytes().first() {
        match *first {
            byte if byte == end => return rest.get(1..).unwrap_or_default(),
            b',' => rest = rest.get(1..).unwrap_or_default(),
            _ => {
                let left = item(rest);
                if left.len() == rest.len() {
                    return left;
                }
                rest = left;
            }
        }
    }
    rest
}

/// Where the string ends that a text begins with.
fn end_of_string(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn a_map_has_one_text_however_it_is_ordered() {
        let texts: Vec<_> = (0..20)
            .map(|_| {
                let map: HashMap<_, _> = (0..20).map(|number| (format!("{number}"), number)).collect();
                canonical(&map).unwrap()
            })
            .collect();
        assert!(texts.iter().all(|text| *text == texts[0]));
    }

    #[test]
    fn what_differs_has_another_text() {
        let differs = |one: serde_json::Value, other: serde_json::Value| assert_ne!(canonical(&one), canonical(&other));
        differs(serde_json::json!(["a,", "b"]), serde_json::json!(["a", ",b"]));
        differs(serde_json::json!({"a": null}), serde_json::json!({}));
        differs(serde_json::json!("1"), serde_json::json!(1));
        differs(serde_json::json!({"a": [1, {}]}), serde_json::json!({"a": [1], "b": {}}));
        assert_ne!(canonical(&u128::MAX), canonical(&(u128::MAX - 1)), "no float holds these");
    }

    #[test]
    fn only_the_order_of_fields_changes() {
        let json = r#"{"b":{"z":[],"y":{}},"a":["}\"{,",{"d":-1.5e300,"c":null}],"\\":true}"#;
        let expected = r#"{"\\":true,"a":["}\"{,",{"c":null,"d":-1.5e300,},],"b":{"y":{},"z":[],},}"#;
        assert_eq!(sorted(json), expected);
        for broken in ["", "{", "[1", "{\"a", "\"\\", "{\"a\":", "]}", "[}"] {
            sorted(broken); // ends
        }
    }

    proptest::proptest! {
        #[test]
        fn sorting_loses_nothing(map in proptest::collection::hash_map(".*", proptest::collection::vec(".*", 0..3), 0..6)) {
            let text = canonical(&map).unwrap().replace(",}", "}").replace(",]", "]");
            let same: Result<HashMap<String, Vec<String>>, _> = serde_json::from_str(&text);
            // What a text itself holds is replaced too; then it cannot be compared.
            if let Ok(same) = same && !map.keys().chain(map.values().flatten()).any(|text| text.contains(',')) {
                proptest::prop_assert_eq!(same, map);
            }
        }
    }

    #[test]
    fn an_error_does_not_quote_what_it_read() {
        let error = u32::decode(r#""a secret""#).unwrap_err();
        assert_eq!(error, "a value at line 1 column 10 is of another type or missing");
    }

    #[test]
    fn a_number_is_read_again_to_its_last_digit() {
        for number in [0.1 + 0.2, f64::MIN_POSITIVE, 1.0 / 3.0, f64::MAX, 122.416_294_033_786_58] {
            assert_eq!(f64::decode(&number.encode().unwrap()).unwrap().to_bits(), number.to_bits());
        }
    }
}
