//! The checkout service of `examples/checkout`: its four scenarios, and a storm in which it is killed again and again while
//! customers order. Afterwards both books are compared, payment by payment.
//!
//! At night its settings are moved while it runs, and its numbers are read.
//!
//! `cargo test --test checkout` kills each shop a few times; `cargo test --test checkout -- --whole` a hundred times, and
//! `cargo test --test checkout -- night` plays the night alone. It
//! plays on SQLite, on PostgreSQL if `RESIL_TEST_POSTGRES_URL` is set, and its events go through NATS if
//! `RESIL_TEST_NATS_URL` is. The seed is printed; `RESIL_TEST_SEED` plays it again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test")]

#[path = "../support/alerts.rs"]
mod alerts;
#[path = "../../examples/checkout/arguments.rs"]
mod arguments;
#[path = "../../examples/checkout/books.rs"]
mod books;
mod broker;
mod customers;
#[path = "../../examples/checkout/database.rs"]
mod database;
mod neighbour;
mod night;
#[path = "../../examples/checkout/operation.rs"]
mod operation;
#[path = "../../examples/checkout/operators.rs"]
mod operators;
mod oracle;
#[path = "../../examples/checkout/partner/mod.rs"]
mod partner;
#[path = "../../examples/checkout/process.rs"]
mod process;
#[path = "../../examples/checkout/roles.rs"]
mod roles;
#[path = "../../examples/checkout/scenarios/mod.rs"]
mod scenarios;
#[path = "../../examples/checkout/shop/mod.rs"]
mod shop;
#[path = "../../examples/checkout/signals.rs"]
mod signals;
mod storm;

use arguments::Arguments;
use std::process::{ExitCode, Stdio};
use storm::{NEVER, Storm};
use tokio::process::Command;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// How often the shop is killed on each database.
const SOME: usize = 15;
const WHOLE: usize = 100;

#[tokio::main]
async fn main() -> Result<ExitCode, Failed> {
    resil::check()?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("--play" | "--serve" | "--partner") => {
            roles::run(&Arguments::parse(words.into_iter())?).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Some("--list") => {
            println!("checkout: test");
            return Ok(ExitCode::SUCCESS);
        }
        // It plays by what there is, and ignores nothing.
        Some("--ignored") => return Ok(ExitCode::SUCCESS),
        _ => {}
    }
    if words.first().is_some_and(|word| word == "night") {
        return Ok(if Box::pin(night::plays()).await? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let kills = if words.iter().any(|word| word == "--whole") { WHOLE } else { SOME };
    let postgres = told("PostgreSQL", "RESIL_TEST_POSTGRES_URL");
    let pooler = told("PgBouncer", "RESIL_TEST_PGBOUNCER_URL");
    let nats = told("NATS", "RESIL_TEST_NATS_URL");
    let played = scenarios(postgres.as_deref(), nats.as_deref()).await?;
    let at_night = Box::pin(night::plays()).await?;
    let survived = match &nats {
        Some(url) => broker::goes_away(url).await?,
        None => true,
    };
    let weathered = Box::pin(storms(kills, postgres.as_deref(), pooler.as_deref(), nats.as_deref())).await?;
    Ok(if played && at_night && survived && weathered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn told(what: &str, variable: &str) -> Option<String> {
    let told = std::env::var(variable).ok();
    if told.is_none() {
        println!("{what} ... ignored, needs {variable}");
    }
    told
}

/// Each set in a process of its own, because they share a circuit otherwise.
async fn scenarios(postgres: Option<&str>, nats: Option<&str>) -> Result<bool, Failed> {
    let sqlite = Some(play("the scenarios on SQLite", vec![]));
    let postgres = postgres.map(|url| play("the scenarios on PostgreSQL", vec!["--database", url]));
    let nats = nats.map(|url| play("the scenarios with NATS", vec!["--nats", url]));
    let mut all_well = true;
    for played in futures_util::future::join_all([sqlite, postgres, nats].into_iter().flatten()).await {
        all_well &= played?;
    }
    Ok(all_well)
}

/// Prints what was played only if it went wrong.
async fn play(name: &str, arguments: Vec<&str>) -> Result<bool, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--play").args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await?;
    let is_well = output.status.success();
    println!("{name} ... {}", if is_well { "ok" } else { "FAILED" });
    if !is_well {
        println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    Ok(is_well)
}

async fn storms(
    kills: usize,
    postgres: Option<&str>,
    pooler: Option<&str>,
    nats: Option<&str>,
) -> Result<bool, Failed> {
    let seed = match std::env::var("RESIL_TEST_SEED") {
        Ok(seed) => seed.parse()?,
        Err(_) => fastrand::u64(..1_000_000),
    };
    println!("seed {seed}");
    let storm = Storm { kills, seed };
    let (sqlite, postgres) = tokio::join!(storm.on_sqlite(), async {
        let Some(url) = postgres else { return Ok(true) };
        let mut is_well = storm.on_postgres(url, nats, NEVER).await?;
        if let Some(pooler) = pooler {
            is_well &= storm.behind_pooler(url, pooler).await?;
        }
        if kills == WHOLE {
            is_well &= storm.on_postgres(url, nats, "1").await?;
        }
        Ok::<_, Failed>(is_well)
    });
    Ok(sqlite? & postgres?)
}
