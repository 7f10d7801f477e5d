//! Ends a process that pays at every place where something lasts, and looks whether both books agree afterwards. The
//! oracle is the partner's own book.
//!
//! `cargo test --test ledger_killed` plays a seeded part on SQLite, and on PostgreSQL if `RESIL_TEST_POSTGRES_URL` is set, and
//! `-- --plays 5000` a larger one. `cargo test --release --test ledger_killed -- --whole` plays each kind of partner and call,
//! all else by turns, at every place and every second place, which takes an hour. A failure prints the line that plays it again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test")]

mod account;
mod books;
mod child;
mod cut;
#[path = "../support/killed.rs"]
mod killed;
mod many;
mod oracle;
mod partner;
mod play;
mod spec;
mod stopped;

use spec::Database;
use std::process::ExitCode;

/// How many of each database's plays the tests choose.
const CHOSEN: usize = 300;

fn main() -> ExitCode {
    let Some(arguments) = killed::to_play(child::ORDERS, child::run) else { return ExitCode::SUCCESS };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let postgres = std::env::var("RESIL_TEST_POSTGRES_URL").is_ok();
    if !postgres {
        println!("PostgreSQL ... ignored, needs RESIL_TEST_POSTGRES_URL");
    }
    let databases: &[Database] = if postgres { &[Database::Sqlite, Database::Postgres] } else { &[Database::Sqlite] };
    let one = arguments.iter().position(|argument| argument == "--play").and_then(|at| arguments.get(at + 1));
    let number = arguments.iter().position(|argument| argument == "--plays").and_then(|at| arguments.get(at + 1));
    let is_whole = arguments.iter().any(|argument| argument == "--whole");
    let mut many = 0;
    if one.is_none() {
        many = runtime.block_on(many::run(databases, if is_whole { 1 } else { 7 }));
    }
    let played = match one {
        Some(line) => runtime.block_on(play::one(line.parse().expect("a play"))),
        None if is_whole => runtime.block_on(play::all(databases, None)),
        None => {
            if postgres && number.is_none() {
                runtime.block_on(async {
                    stopped::run(2).await;
                    stopped::run(8).await;
                });
            }
            let number = number.and_then(|number| number.parse().ok()).unwrap_or(CHOSEN);
            let seed = std::env::var("RESIL_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
            runtime.block_on(play::all(databases, Some((number * databases.len(), seed))))
        }
    };
    println!("{played}");
    if played.violations + many == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
