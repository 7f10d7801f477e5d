//! Messages that end their process, by `abort` and by `kill -9`, on SQLite and, if `RESIL_TEST_POSTGRES_URL` is set, on
//! PostgreSQL. The process is started again until nothing is due; what it was handed, it has said before it ended.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test")]

mod child;
#[path = "../support/killed.rs"]
mod killed;
mod life;
mod plays;

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(_) = killed::to_play(child::ORDERS, child::run) else { return ExitCode::SUCCESS };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let violations = runtime.block_on(plays::all());
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
