//! What an operator sees.

use super::fleet::Part;
use crate::registry::Row;
#[cfg(feature = "dashboard")]
use crate::registry::{Level, View};
use std::time::Duration;

/// A rate limit at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Usage {
    /// How many calls could begin now; negative while a call that cost more than the burst is paid off. Of a fleet's rate, those that
    /// this process has leased.
    pub tokens: i64,
    /// How many could begin after a pause.
    pub burst: u32,
    /// How many callers wait for their turn.
    pub waiting: usize,
    /// How much longer nothing begins, because the partner asked for that.
    #[cfg_attr(feature = "serde", serde(rename = "paused_for_seconds", serialize_with = "crate::as_data::seconds"))]
    pub paused_for: Option<Duration>,
    /// What this process has of a rate that a fleet shares.
    pub fleet: Option<Part>,
}

impl Usage {
    #[cfg(feature = "dashboard")]
    pub(crate) fn view(self) -> View {
        let is_lost = self.fleet.is_some_and(|fleet| fleet.is_lost);
        let is_used_up = self.tokens < 1 || self.waiting > 0 || self.paused_for.is_some() || is_lost;
        let level = if is_used_up { Level::Watch } else { Level::Well };
        View::new("rate_limit", level, "tokens", &self)
    }

    pub(crate) fn row(self) -> Row {
        let Self { tokens, burst, waiting, paused_for, .. } = self;
        let paused = paused_for.map(|wait| format!("{wait:.1?}")).unwrap_or_default();
        let cells = vec![
            ("tokens", tokens.to_string()),
            ("of", burst.to_string()),
            ("waiting", waiting.to_string()),
            ("paused for", paused),
        ];
        Row { table: "rate limit", cells }
    }
}
