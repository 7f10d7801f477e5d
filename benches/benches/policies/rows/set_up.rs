//! The same calls while metrics count, and under settings from outside.

use crate::calls::{pending, ready};
use crate::partners::bare;
use resil::config::Configuration;
use resil_benches::{Mode, Row, case};

pub(super) fn rows() -> Vec<Row> {
    [(Mode::Metrics, METRICS), (Mode::Settings, SETTINGS)].into_iter().flat_map(|(mode, ids)| of(mode, ids)).collect()
}

type Ids = [&'static str; 8];

const METRICS: Ids = [
    "metrics-bare",
    "metrics-breaker",
    "metrics-retry",
    "metrics-timeout",
    "metrics-semaphore",
    "metrics-whole",
    "metrics-readme",
    "metrics-pending-whole",
];

const SETTINGS: Ids = [
    "settings-bare",
    "settings-breaker",
    "settings-retry",
    "settings-timeout",
    "settings-semaphore",
    "settings-whole",
    "settings-readme",
    "settings-pending-whole",
];

fn of(mode: Mode, [bare_call, breaker, retry, timeout, semaphore, whole, readme, waits]: Ids) -> [Row; 8] {
    const WHOLE: &str = "retry, circuit breaker, semaphore and timeout";
    [
        Row::ready(bare_call, "bare async call").resil(case(|| bare)),
        Row::ready(breaker, "circuit breaker, closed").resil(case(|| ready::breaker)).two_threads(1.7),
        Row::ready(retry, "retry, nothing failed").resil(case(|| ready::retry_idempotent)),
        Row::ready(timeout, "timeout").resil(case(|| ready::bounded)),
        Row::ready(semaphore, "semaphore, free").resil(case(|| ready::limited)).two_threads(1.5),
        Row::ready(whole, WHOLE).resil(case(|| ready::whole)).two_threads(1.5),
        Row::ready(readme, "deadline, retry, circuit breaker, timeout with phases").resil(case(|| ready::readme)),
        Row::pending(waits, WHOLE).resil(case(|| pending::whole)),
    ]
    .map(|row| row.with(mode))
}

/// Sets this process up, and sees that it is.
pub(crate) fn set_up(mode: Mode) -> Result<(), String> {
    match mode {
        Mode::Plain => Ok(()),
        Mode::Metrics => {
            resil::metrics::install();
            Ok(())
        }
        Mode::Settings => {
            let settings = Configuration::new()
                .set("retry.max", "4s")
                .set("timeout.attempt", "4s")
                .set("circuit_breaker.by_name.success.failure_rate", "0.4")
                .set("circuit_breaker.by_name.whole.failure_rate", "0.4")
                .set("semaphore.by_name.whole.permits", "11");
            settings.apply().map(drop).map_err(|error| error.to_string())
        }
    }
}
