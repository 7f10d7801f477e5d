//! A payment whose process is killed while the partner, who has charged already, says nothing.
//!
//! `cargo run --example durable_payment` is the partner, with a book of its own. It starts itself as a shop that records an
//! order, pays it and never hears the answer; kills that; and starts another shop on the same SQLite file, which finds what
//! was begun. Both books are printed in between and at the end.

#[path = "support/partner/mod.rs"]
mod partner;

use partner::{Answer, Partner};
use resil::http::{Checked as _, Error};
use resil::ledger::{IntentId, Ledger, LedgerEvent, Outcome, Report};
use resil::{Db, IdempotencyKey, Tx, durable, retry, timeout};
use serde::Deserialize;
use sqlx::Sqlite;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The partner as the shop knows it: a URL and a client.
struct Bank {
    client: reqwest::Client,
    url: String,
}

/// What the partner answers.
#[derive(Deserialize)]
struct Charged {
    order: u64,
}

/// The partner recognises the key, so the ledger may call again when it does not know.
#[durable(
    db = Sqlite, op = "payment.charge", per = order, applied = mark_paid, undone = mark_failed, settle = "1s", base = "200ms"
)]
#[retry(idempotency_key = key)]
#[timeout("20s", connect = "2s")]
async fn charge(bank: &Bank, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, Error> {
    let request = bank.client.post(&bank.url).json(&serde_json::json!({ "order": order, "won": won }));
    let answer: Charged = request.checked().await?.json().await?;
    Ok(answer.order)
}

async fn mark_paid(tx: &mut Tx<Sqlite>, order: i64, _won: u64, number: &u64) -> Result<(), sqlx::Error> {
    let paid = sqlx::query("UPDATE orders SET state = 'paid', charged_as = ? WHERE id = ?");
    paid.bind(i64::try_from(*number).unwrap_or(i64::MAX)).bind(order).execute(&mut *tx).await.map(drop)
}

async fn mark_failed(tx: &mut Tx<Sqlite>, order: i64, _won: u64, _why: &Report) -> Result<(), sqlx::Error> {
    let failed = sqlx::query("UPDATE orders SET state = 'not paid' WHERE id = ?");
    failed.bind(order).execute(&mut *tx).await.map(drop)
}

const ORDER: i64 = 7;
const WON: u64 = 50_000;

/// The shop's first life: it records and pays.
async fn pay(db: Db<Sqlite>, ledger: Ledger<Sqlite>) -> Result<(), Failed> {
    let intent = db
        .transaction(async |tx| {
            sqlx::query("INSERT INTO orders (id, state) VALUES (?, 'pending')").bind(ORDER).execute(&mut *tx).await?;
            Ok::<_, Failed>(charge::record(tx, ORDER, WON).await?)
        })
        .await?;
    say(&format!("order {ORDER} and the intent to charge it are recorded, in one transaction: {}", intent.id()));
    match ledger.drive(&intent).await? {
        Outcome::Applied(number) => say(&format!("paid, as number {number}")),
        other => say(&format!("{other:?}")),
    }
    Ok(())
}

/// Its second life, which knows nothing of the first but what is in the database.
async fn recover(ledger: Ledger<Sqlite>) -> Result<(), Failed> {
    let mut events = resil::registry().subscribe();
    let ended = async {
        loop {
            if let resil::Event::Ledger(LedgerEvent::Moved { id, from, to, .. }) = events.next().await {
                say(&format!("{from} → {to}"));
                if to.is_final() {
                    print_history(&ledger, id).await;
                    break;
                }
            }
        }
    };
    ledger.reconciler().poll(Duration::from_millis(200)).run(ended).await;
    Ok(())
}

async fn print_history(ledger: &Ledger<Sqlite>, id: IntentId) {
    if let Ok(Some(intent)) = ledger.find(id).await {
        say("its history, as an operator sees it:");
        for line in intent.history.to_string().lines() {
            say(line);
        }
    }
}

async fn shop(life: &str, file: &Path, url: String) -> Result<(), Failed> {
    resil::check()?;
    let db = open(file).await?;
    db.migrate().await?;
    let table = "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, state TEXT NOT NULL, charged_as INTEGER)";
    sqlx::raw_sql(table).execute(db.pool()?).await?;
    let bank = Bank { client: resil::http::client().build()?, url };
    // Short, so that you need not wait for half a minute.
    let ledger = Ledger::on(db.clone()).operation::<charge>().provide(Arc::new(bank)).lease(Duration::from_secs(2));
    let ledger = ledger.open().await?;
    if life == "first" { pay(db, ledger).await } else { recover(ledger).await }
}

async fn open(file: &Path) -> Result<Db<Sqlite>, Failed> {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    Ok(Db::new(sqlx::SqlitePool::connect_with(options.journal_mode(SqliteJournalMode::Wal)).await?))
}

fn say(line: &str) {
    println!("    shop {}: {line}", std::process::id());
}

/// Another life of the shop, in a process of its own.
fn start(life: &str, file: &Path, url: &str) -> Result<Child, Failed> {
    let mut shop = Command::new(std::env::current_exe()?);
    Ok(shop.args(["--shop", life]).arg(file).arg(url).stdout(Stdio::piped()).kill_on_drop(true).spawn()?)
}

/// Prints what it says until it says no more.
async fn listen(shop: &mut Child) -> Result<(), Failed> {
    let Some(output) = shop.stdout.take() else { return Ok(()) };
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        println!("{line}");
    }
    Ok(())
}

async fn print_books(db: &Db<Sqlite>, partner: &Partner) -> Result<(), Failed> {
    let order: Option<(String, Option<i64>)> =
        sqlx::query_as("SELECT state, charged_as FROM orders").fetch_optional(db.pool()?).await?;
    let intent: Option<String> =
        sqlx::query_scalar("SELECT state FROM resil_intents").fetch_optional(db.pool()?).await?;
    println!("  our book:       order {ORDER} is {order:?}, its intent {intent:?}");
    for charged in partner.book() {
        println!("  partner's book: number {} charged for {}", charged.number, charged.body);
    }
    Ok(())
}

async fn play() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("shop.db");
    let partner = Partner::start()?;
    partner.on("/orders").answers([Answer::ApplyThen(Box::new(Answer::Withhold)), Answer::AsUsual]);
    let url = partner.url("/orders");

    println!("1. A shop pays. The partner charges, and says nothing.");
    let mut first = start("first", &file, &url)?;
    let number = first.id().unwrap_or_default();
    partner.wait_for_requests("/orders", 1).await;
    first.kill().await?;
    listen(&mut first).await?;
    println!("    shop {number}: killed with SIGKILL, while it waited for the answer");
    let db = open(&file).await?;
    print_books(&db, &partner).await?;

    println!("2. Another shop starts, and finds the intent once the lease of the first is over.");
    let mut second = start("second", &file, &url)?;
    listen(&mut second).await?;
    second.wait().await?;

    println!("3. In the end");
    print_books(&db, &partner).await?;
    let keys: std::collections::BTreeSet<_> = partner.seen().into_iter().map(|seen| seen.idempotency_key).collect();
    println!("  {} requests with {} key, charged {} time", partner.seen().len(), keys.len(), partner.book().len());
    let order: String = sqlx::query_scalar("SELECT state FROM orders").fetch_one(db.pool()?).await?;
    if order != "paid" || partner.book().len() != 1 {
        return Err("the books do not agree".into());
    }
    println!("  both books agree");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => play().await,
        [flag, life, file, url] if flag == "--shop" => shop(life, Path::new(file), url.clone()).await,
        _ => Err("usage: durable_payment".into()),
    }
}
