//! Every row of the table.

mod pending;
mod ready;
mod set_up;

use resil_benches::Row;

pub(crate) use set_up::set_up;

const RECLOSER: &str = "recloser";
const BREAKER: &str = "breaker";
const FAILSAFE: &str = "failsafe";
const BACKON: &str = "backon";
const TOKIO_RETRY2: &str = "tokio-retry2";
const TOKIO: &str = "tokio";
const TOWER: &str = "tower";
const GOVERNOR: &str = "governor";
const BY_HAND: &str = "backon, recloser, tokio";
const TOWER_RESILIENCE: &str = "tower-resilience";

pub(crate) fn all() -> Vec<Row> {
    [ready::rows(), pending::rows(), set_up::rows()].into_iter().flatten().collect()
}
