//! What the page shows of a circuit.

use super::machine::Machine;
use super::{Breaker, CircuitState, Snapshot, Tally};
use crate::clock;
use crate::registry::{Level, View};
use serde::Serialize;

/// A strip has as many cells at most.
const CELLS: u32 = 50;

/// The thresholds in force, and the window from the oldest call to the newest.
#[derive(Debug, Serialize)]
pub(super) struct Judging {
    failure_rate_limit: f64,
    slow_rate_limit: Option<f64>,
    /// Below so many calls nothing is judged.
    min_calls: u64,
    /// Calls, failures, slow ones of each cell.
    window: Vec<[u64; 3]>,
}

#[derive(Serialize)]
struct Now {
    #[serde(flatten)]
    snapshot: Snapshot,
    #[serde(flatten)]
    judging: Judging,
}

impl Machine {
    pub(super) fn judging(&self) -> Judging {
        let settings = self.settings();
        Judging {
            failure_rate_limit: settings.failure_rate,
            slow_rate_limit: settings.slow_call.map(|_| settings.slow_rate),
            min_calls: settings.enough_calls(),
            window: self.cells(CELLS).map(|Tally { calls, failures, slow }| [calls, failures, slow]).collect(),
        }
    }
}

impl Breaker {
    pub(super) fn view(&self) -> View {
        let (snapshot, judging) = self.circuit.look(clock::now());
        let level = match snapshot.state {
            CircuitState::Closed | CircuitState::Observing => Level::Well,
            CircuitState::Disabled | CircuitState::HalfOpen => Level::Watch,
            CircuitState::Open | CircuitState::ForcedOpen => Level::Wrong,
        };
        View::new("circuit_breaker", level, "circuit", &Now { snapshot, judging })
    }
}
