//! A checkout service: order, payment, stock, event; and a partner that fails in every way a partner can.
//!
//! `cargo run --example checkout` plays four scenarios on SQLite and prints for each what happened inside and outside;
//! `-- --database postgres://..` on PostgreSQL; `--nats nats://..` sends the events through NATS. `--serve` runs the
//! service to play with: see the README beside this file.

mod arguments;
mod books;
mod database;
mod partner;
mod process;
mod roles;
mod scenarios;
mod shop;

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    resil::check()?;
    let arguments = arguments::Arguments::parse(std::env::args().skip(1))?;
    roles::run(&arguments).await
}
