//! Messages that end their process, by `abort` and by `kill -9`, on SQLite and, if `RESIL_TEST_POSTGRES_URL` is set, on
//! PostgreSQL. The process is started again until nothing is due; what it was handed, it has said before it ended.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test")]

mod child;
mod life;
mod plays;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Ok(orders) = std::env::var(child::ORDERS) {
        child::run(&orders);
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("kills: test");
        return ExitCode::SUCCESS;
    }
    // It plays by what there is, and ignores nothing.
    if arguments.iter().any(|argument| argument == "--ignored") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let violations = runtime.block_on(plays::all());
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
