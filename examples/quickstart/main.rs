//! A shop calls a partner that fails in every way a partner can, and survives.
//!
//! `cargo run --example quickstart` starts the partner itself, on loopback. `-- --partner URL` makes the same calls to
//! a server of your own. `shop.rs` is what a user of resil writes; the rest is the play around it.

mod account;
#[path = "../support/partner/mod.rs"]
mod partner;
mod scenes;
mod shop;

use account::Account;
use partner::Partner;
use scenes::Stage;
use shop::Shop;
use std::error::Error;
use std::process::ExitCode;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    resil::check()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let account = Account::open()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => play(account).await,
        ["--partner", url] => scenes::against(url, &account).await.map(|()| ExitCode::SUCCESS),
        _ => {
            eprintln!("usage: cargo run --example quickstart [-- --partner http://127.0.0.1:8080]");
            Ok(ExitCode::from(2))
        }
    }
}

async fn play(account: Account) -> Result<ExitCode, Box<dyn Error>> {
    let partner = Partner::start()?;
    let shop = Shop::new(partner.url(""))?;
    println!("A shop, and a partner that fails in every way a partner can ({})\n", partner.addr());
    let mut stage = Stage { partner, shop, account, surprises: 0 };
    stage.reads().await;
    stage.absent_partners().await?;
    stage.writes().await;
    stage.circuit_breaker().await;
    match stage.surprises {
        0 => {
            println!("Everything went as announced. The annotated functions are in examples/quickstart/shop.rs.");
            Ok(ExitCode::SUCCESS)
        }
        surprises => {
            println!("{surprises} scenes did not go as announced.");
            Ok(ExitCode::FAILURE)
        }
    }
}
