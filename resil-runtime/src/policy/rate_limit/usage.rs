//! What an operator sees.

use super::fleet::Part;
use crate::registry::Row;
use std::time::Duration;

/// A rate limit at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// How many calls could begin now; negative while a call that cost more than the burst is paid off. Of a fleet's rate, those that
    /// this process has leased.
    pub tokens: i64,
    /// How many could begin after a pause.
    pub burst: u32,
    /// How many callers wait for their turn.
    pub waiting: usize,
    /// How much longer nothing begins, because the partner asked for that.
    pub paused_for: Option<Duration>,
    /// What this process has of a rate that a fleet shares.
    pub fleet: Option<Part>,
}

impl Usage {
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
