//! Values as texts: what is stored is read again as the same.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

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
        Category::Data if error.line() == 0 => "it has no JSON form".to_owned(),
        Category::Data => format!("a value {at} is of another type or missing"),
        Category::Syntax => format!("it is no JSON {at}"),
        Category::Eof => format!("it ends too soon {at}"),
        Category::Io => "it could not be written".to_owned(),
    }
}

/// The one text of a value: the fields of objects sorted, so that a map has the same one each time.
pub(crate) fn canonical(value: &(impl Serialize + ?Sized)) -> Result<String, String> {
    let value = serde_json::to_value(value).map_err(|error| unquoted(&error))?;
    let mut text = String::new();
    write(&value, &mut text);
    Ok(text)
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in sorted {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(value, text);
                text.push(',');
            }
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
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
        let differs = |one: Value, other: Value| assert_ne!(canonical(&one), canonical(&other));
        differs(serde_json::json!(["a,", "b"]), serde_json::json!(["a", ",b"]));
        differs(serde_json::json!({"a": null}), serde_json::json!({}));
        differs(serde_json::json!("1"), serde_json::json!(1));
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
