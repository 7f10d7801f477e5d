//! A checkout service: order, payment, stock, event; and a partner that fails in every way a partner can.
//!
//! `cargo run --example checkout` plays four scenarios on SQLite and prints for each what happened inside and outside;
//! `-- --database postgres://..` on PostgreSQL; `--nats nats://..` sends the events through NATS. `--serve` runs the
//! service to play with, with settings from outside, numbers and an orderly end: see the README beside this file.

mod arguments;
mod books;
mod database;
mod operation;
mod operators;
mod partner;
mod process;
mod roles;
mod scenarios;
mod shop;
mod signals;

use std::process::ExitCode;

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let ended = async { roles::run(&arguments::Arguments::parse(std::env::args().skip(1))?).await };
    match ended.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
