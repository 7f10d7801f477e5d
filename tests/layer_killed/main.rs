//! Ends a server under `IdempotencyLayer` by `kill -9` at every place where something lasts, while its clients repeat their requests
//! until they are answered, and looks whether each was done once. The oracle is the database.
//!
//! `cargo test --test layer_killed` plays some dozens on SQLite, and on PostgreSQL if `RESIL_TEST_POSTGRES_URL` is set;
//! `RESIL_TEST_SEED` chooses others, and `-- --plays 500` more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test")]

mod books;
mod child;
mod clients;
#[path = "../support/killed.rs"]
mod killed;
mod play;

use std::process::ExitCode;

/// On each database.
const PLAYS: usize = 24;

fn main() -> ExitCode {
    let Some(arguments) = killed::to_play(child::ORDERS, child::run) else { return ExitCode::SUCCESS };
    let number = arguments.iter().position(|argument| argument == "--plays").and_then(|at| arguments.get(at + 1));
    let number = number.and_then(|number| number.parse().ok()).unwrap_or(PLAYS);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let violations = runtime.block_on(play::all(number));
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
