//! What was written as a value, and what it is for its key.

use super::similar::{likely, quoted};
use super::time;
use crate::registry::in_force::{Key, Takes, Value};
use std::time::Duration;
use toml::de::{DeInteger, DeValue};

/// A value as it was written, whatever in.
#[derive(Debug, Clone)]
pub(super) enum Raw {
    Text(String),
    Integer(i128),
    Float(f64),
    List(Vec<Self>),
    /// What no setting is.
    Other(&'static str),
}

const JITTERS: [&str; 4] = ["full", "equal", "decorrelated", "none"];
const STATUSES: std::ops::Range<i128> = 400..600;

impl Raw {
    pub(super) fn of_toml(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(integer) => integer_of(integer).map_or(Self::Other("that number"), Self::Integer),
            DeValue::Float(float) => float.as_str().parse().map_or(Self::Other("that number"), Self::Float),
            DeValue::Array(list) => Self::List(list.iter().map(|one| Self::of_toml(one.get_ref())).collect()),
            other => Self::Other(other.type_str()),
        }
    }

    /// Outside of a file nothing is in quotes: a number is one where the key takes numbers, and so is a list.
    pub(super) fn of_text(text: &str, key: &Key) -> Self {
        let text = text.trim();
        if let Takes::Statuses = key.takes {
            let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
            let items = inner.split(',').map(str::trim).filter(|item| !item.is_empty());
            return Self::List(items.map(Self::of_number).collect());
        }
        Self::of_number(text)
    }

    fn of_number(text: &str) -> Self {
        let integer = || text.parse().ok().map(Self::Integer);
        // "inf" and "nan" are words as well.
        let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+' || c == '.');
        let float = || if is_number { text.parse().ok().map(Self::Float) } else { None };
        integer().or_else(float).unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    /// As it would stand in a file.
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("\"{}\"", quoted(text)),
            Self::Integer(integer) => integer.to_string(),
            Self::Float(float) => format!("{float:?}"),
            Self::List(list) => {
                let items: Vec<_> = list.iter().take(5).map(Self::shown).collect();
                format!("[{}{}]", items.join(", "), if list.len() > 5 { ", .." } else { "" })
            }
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

fn integer_of(integer: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// The value of this key; what is wrong with it, and what to write instead, otherwise.
pub(super) fn read(key: &Key, raw: &Raw) -> Result<Value, String> {
    let value = match key.takes {
        Takes::Wait => duration(raw).map(Value::Time),
        Takes::Time => duration(raw).filter(|time| !time.is_zero()).map(Value::Time),
        Takes::Count(least, most) => count(raw, least, most).map(Value::Count),
        Takes::Rate => number(raw).filter(|rate| *rate > 0.0 && *rate <= 1.0).map(Value::Number),
        Takes::Factor => number(raw).filter(|factor| *factor >= 1.0 && factor.is_finite()).map(Value::Number),
        Takes::Window(most) => match raw {
            Raw::Text(_) => duration(raw).filter(|time| !time.is_zero()).map(Value::Time),
            _ => count(raw, 1, most).map(Value::Count),
        },
        Takes::Quota => quota(raw).map(|(calls, per)| Value::Quota(calls, per)),
        Takes::Jitter => match raw {
            Raw::Text(text) => JITTERS.iter().find(|known| *known == text).map(|word| Value::Word(word)),
            _ => number(raw).filter(|part| *part > 0.0 && *part <= 1.0).map(Value::Number),
        },
        Takes::Statuses => statuses(raw).map(|statuses| Value::Statuses(statuses.into())),
        Takes::OneOf(words) => match raw {
            Raw::Text(text) => words.iter().find(|known| *known == text).map(|word| Value::Word(word)),
            _ => None,
        },
    };
    value.ok_or_else(|| {
        format!("`{} = {}` is not {}; write `{} = {}`", key.name, raw.shown(), wanted(key), key.name, instead(key, raw))
    })
}

fn wanted(key: &Key) -> String {
    match key.takes {
        Takes::Wait => "a duration with its unit".to_owned(),
        Takes::Time => "a duration above zero with its unit".to_owned(),
        Takes::Count(least, u32::MAX) => format!("a whole number from {least}"),
        Takes::Count(least, most) => format!("a whole number from {least} to {most}"),
        Takes::Rate => "a fraction above 0 and up to 1".to_owned(),
        Takes::Factor => "a number from 1.0".to_owned(),
        Takes::Window(most) => format!("a number of calls from 1 to {most}, or a duration with its unit"),
        Takes::Quota => "so many calls in some time, at most 10⁹ a second".to_owned(),
        Takes::Jitter => {
            "\"full\", \"equal\", \"decorrelated\", \"none\", or a fraction above 0 and up to 1".to_owned()
        }
        Takes::Statuses => "a list of HTTP statuses from 400 to 599".to_owned(),
        Takes::OneOf(words) => {
            let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
            words.join(", ")
        }
    }
}

/// What was most likely meant, or the example.
fn instead(key: &Key, raw: &Raw) -> String {
    let meant = match (key.takes, raw) {
        (Takes::Wait | Takes::Time, Raw::Integer(seconds)) if *seconds > 0 => Some(format!("\"{seconds}s\"")),
        (Takes::Wait | Takes::Time, Raw::Float(seconds)) if *seconds > 0.0 => Some(format!("\"{seconds}s\"")),
        (Takes::Wait | Takes::Time, Raw::Text(text)) => {
            let is_number = text.trim().parse().is_ok_and(|number: f64| number > 0.0 && number.is_finite());
            is_number.then(|| format!("\"{}s\"", text.trim()))
        }
        (Takes::Quota, Raw::Integer(calls @ 1..=1_000_000_000)) => Some(format!("\"{calls}/s\"")),
        (Takes::Quota, Raw::Text(text)) => {
            let calls = text.trim().parse().ok().filter(|calls| (1..=1_000_000_000).contains(calls));
            calls.map(|calls: u32| format!("\"{calls}/s\""))
        }
        (Takes::OneOf(words), Raw::Text(text)) => likely(text, words.iter().copied()).map(|word| format!("\"{word}\"")),
        (Takes::Jitter, Raw::Text(text)) => likely(text, JITTERS).map(|word| format!("\"{word}\"")),
        (Takes::Count(least, most), Raw::Text(text)) => {
            let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
            number.map(|number: u32| number.to_string())
        }
        (Takes::Rate, Raw::Integer(percent @ 2..=99)) => {
            u8::try_from(*percent).ok().map(|percent| (f64::from(percent) / 100.0).to_string())
        }
        (Takes::Statuses, Raw::Integer(status)) if STATUSES.contains(status) => Some(format!("[{status}]")),
        _ => None,
    };
    meant.unwrap_or_else(|| key.example.to_owned())
}

fn duration(raw: &Raw) -> Option<Duration> {
    if let Raw::Text(text) = raw { time::parse(text) } else { None }
}

/// `"100/s"`, `"1000/m"`, `"5/2s"`, as the attribute reads it.
fn quota(raw: &Raw) -> Option<(u32, Duration)> {
    let Raw::Text(text) = raw else { return None };
    let (calls, per) = text.split_once('/')?;
    let (calls, per) = (calls.trim(), per.trim());
    let one = if per.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "1" };
    let per = time::parse(&format!("{one}{per}"))?;
    let calls: u32 = Some(calls).filter(|calls| calls.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    (calls > 0 && per.as_nanos() >= calls.into()).then_some((calls, per))
}

fn count(raw: &Raw, least: u32, most: u32) -> Option<u32> {
    let Raw::Integer(count) = raw else { return None };
    u32::try_from(*count).ok().filter(|count| (least..=most).contains(count))
}

#[expect(clippy::cast_precision_loss, reason = "compared with small numbers only")]
fn number(raw: &Raw) -> Option<f64> {
    match raw {
        Raw::Integer(number) => Some(*number as f64),
        Raw::Float(number) => Some(*number),
        _ => None,
    }
}

fn statuses(raw: &Raw) -> Option<Vec<u16>> {
    let Raw::List(list) = raw else { return None };
    let status = |raw: &Raw| match raw {
        Raw::Integer(status) if STATUSES.contains(status) => u16::try_from(*status).ok(),
        _ => None,
    };
    list.iter().map(status).collect()
}
