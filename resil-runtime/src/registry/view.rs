//! What the page shows of a policy.

use serde::Serialize;
use serde_json::Value;

/// Whether somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// Nobody need.
    Well,
    /// It is at a limit, or finding out.
    Watch,
    /// Calls are refused, or retries have stopped.
    Wrong,
}

/// A policy at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// As files of settings have it: `circuit_breaker`.
    pub(crate) kind: &'static str,
    pub(crate) level: Level,
    /// What it is doing, in an object.
    pub(crate) now: Value,
}

impl View {
    /// `of` says what `now` is, for example `circuit`.
    pub(crate) fn new(kind: &'static str, level: Level, of: &'static str, now: &impl Serialize) -> Self {
        // Words and numbers always have a value.
        let now = serde_json::to_value(now).unwrap_or_default();
        Self { kind, level, now: Value::Object([(of.to_owned(), now)].into_iter().collect()) }
    }
}
