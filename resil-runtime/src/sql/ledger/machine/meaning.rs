//! What a failure says about the operation. `#[retry]` has a table of its own: it decides about the next attempt, and the
//! ledger about the money.

use crate::sql::ledger::settings::Settings;
use crate::sql::worker::Failed;
use crate::{Effect, Kind};

/// The request was not accepted for reasons of ours: no or wrong credentials. It says nothing about the operation.
const NOT_LET_IN: [u16; 3] = [401, 403, 407];

/// The partner did not take the request up, whether or not it names the time to come again.
const NOT_TAKEN_UP: u16 = 429;

impl Failed {
    /// Whether the partner has certainly not acted.
    pub(super) fn is_certain(&self) -> bool {
        self.verdict.effect == Effect::None && !self.is_in_doubt
    }

    /// Whether another attempt may succeed: passing trouble, or a partner that did not take the request up.
    pub(crate) fn passes(&self) -> bool {
        let is_put_off = self.verdict.retry_after.is_some() || self.verdict.status == Some(NOT_TAKEN_UP);
        self.verdict.kind == Kind::Transient || is_put_off
    }

    /// Whether the partner has said for good what became of the operation.
    pub(super) fn concludes(&self, settings: &Settings) -> bool {
        let is_listed = |status| settings.conclusive.contains(&status);
        self.verdict.is_conclusive() || self.verdict.status.is_some_and(is_listed)
    }

    /// Whether the trouble is on our side, so that the partner has said nothing about the operation.
    pub(in crate::sql::ledger) fn is_ours(&self) -> bool {
        self.verdict.is_ours() || self.verdict.status.is_some_and(|status| NOT_LET_IN.contains(&status))
    }
}
