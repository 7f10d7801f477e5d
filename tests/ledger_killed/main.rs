//! Ends a process that pays at every place where something lasts, and looks whether both books agree afterwards. The
//! oracle is the partner's own book.
//!
//! `cargo test --test ledger_killed` plays a seeded part on SQLite, and on PostgreSQL if `RESIL_TEST_POSTGRES_URL` is set, and
//! `-- --plays 5000` a larger one. `cargo test --release --test ledger_killed -- --whole` plays each kind of partner and call,
//! all else by turns, at every place and every second place, which takes an hour, and `-- --whole 2/4` the second quarter of
//! it. A failure prints the line that plays it again.

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

use play::Plays;
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
    let whole = arguments.iter().position(|argument| argument == "--whole").map(|at| part(arguments.get(at + 1)));
    let mut many = 0;
    // The later parts of the whole leave them to the first.
    if one.is_none() && whole.is_none_or(|(part, _)| part == 1) {
        many = runtime.block_on(many::run(databases, if whole.is_some() { 1 } else { 7 }));
    }
    let played = match (one, whole) {
        (Some(line), _) => runtime.block_on(play::one(line.parse().expect("a play"))),
        (None, Some((part, of))) => runtime.block_on(play::all(databases, Plays::Whole { part, of })),
        (None, None) => {
            if postgres && number.is_none() {
                runtime.block_on(async {
                    stopped::run(2).await;
                    stopped::run(8).await;
                });
            }
            let number = number.and_then(|number| number.parse().ok()).unwrap_or(CHOSEN);
            let seed = std::env::var("RESIL_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
            runtime.block_on(play::all(databases, Plays::Chosen { number: number * databases.len(), seed }))
        }
    };
    println!("{played}");
    if played.violations + many == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `2/4` is the second of four; all, where nothing is said.
fn part(said: Option<&String>) -> (usize, usize) {
    let Some((part, of)) = said.and_then(|said| said.split_once('/')) else { return (1, 1) };
    let (part, of) = (part.parse().expect("a number"), of.parse().expect("a number"));
    assert!((1..=of).contains(&part), "the parts are 1/{of} to {of}/{of}");
    (part, of)
}
