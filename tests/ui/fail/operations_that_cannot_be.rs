#![allow(unused_variables)]

use resil::ledger::{Intent, Status};
use resil::{Error, IdempotencyKey, Tx, durable, fallback, timeout, transactional};
use serde::{Deserialize, Serialize};
use sqlx::Sqlite;

struct Bank;

#[durable]
async fn of_what() -> Result<u64, Error> {
    Ok(7)
}

#[durable(db = "sqlite", op = "", version = 0, in_doubt = "cancel", settle = 60, verfy = status)]
async fn misspelt(won: u64) -> Result<u64, Error> {
    Ok(won)
}

#[durable(db = Sqlite, op = "pay", in_doubt = cancel)]
async fn cancelled_by_nobody(won: u64) -> Result<u64, Error> {
    Ok(won)
}

#[durable(db = Sqlite, op = "pay", in_doubt = repeat)]
async fn repeated_without_a_key(won: u64) -> Result<u64, Error> {
    Ok(won)
}

#[durable(db = Sqlite, op = "pay", settle = "60s")]
async fn settles_nothing(won: u64) -> Result<u64, Error> {
    Ok(won)
}

impl Bank {
    #[durable(db = Sqlite, op = "pay")]
    async fn method(&self, won: u64) -> Result<u64, Error> {
        Ok(won)
    }
}

#[durable(db = Sqlite, op = "pay")]
async fn generic<T: Send>(what: T) -> Result<u64, Error> {
    Ok(7)
}

#[durable(db = Sqlite, op = "pay")]
async fn of_what_cannot_be_kept(
    bank: &mut Bank,
    item: &str,
    all: &[u64],
    any: impl Send,
    (one, other): (u64, u64),
) -> Result<u64, Error> {
    Ok(7)
}

#[durable(db = Sqlite, op = "pay")]
#[fallback(value = 7)]
async fn answered_by_another(won: u64) -> Result<u64, Error> {
    Ok(won)
}

#[durable(db = Sqlite, op = "pay")]
#[transactional(tx)]
async fn as_a_transaction(tx: u64) -> Result<u64, Error> {
    Ok(7)
}

#[timeout("5s")]
#[durable(db = Sqlite, op = "pay")]
async fn upside_down(won: u64) -> Result<u64, Error> {
    Ok(won)
}

trait Pays {
    #[durable(db = Sqlite, op = "pay")]
    async fn declared(won: u64) -> Result<u64, Error>;
}

#[durable(db = Sqlite, op = "pay")]
async fn cannot_fail(won: u64) -> u64 {
    won
}

struct Item(u64);

#[derive(Serialize, Deserialize)]
struct Receipt(u64);

#[derive(Debug)]
struct Opaque;

#[durable(db = Sqlite, op = "pay")]
async fn of_what_cannot_be_stored(item: Item) -> Result<u64, Error> {
    Ok(item.0)
}

#[durable(db = Sqlite, op = "pay")]
async fn of_an_opaque_failure(won: u64) -> Result<u64, Opaque> {
    Ok(won)
}

async fn other_status(bank: &Bank, item: u32) -> Result<Status<u64>, Error> {
    Ok(Status::Pending)
}

async fn other_books(tx: &mut Tx<Sqlite>, won: u64, receipt: &String) -> Result<(), Error> {
    Ok(())
}

#[durable(db = Sqlite, op = "pay", verify = other_status, applied = other_books)]
async fn with_functions_of_another_kind(bank: &Bank, won: u64, key: &IdempotencyKey) -> Result<u64, Error> {
    Ok(won)
}

// What is wrong below is said once, and not where the operation is used.
#[durable(db = Sqlite, op = "pay")]
#[timeout("5 parsecs")]
async fn with_another_mistake(won: u64) -> Result<u64, Error> {
    Ok(won)
}

async fn uses_it(tx: &mut Tx<Sqlite>) -> Result<Intent<with_another_mistake>, Error> {
    with_another_mistake::record(tx, 7).await
}

#[durable(db = Sqlite, op = "conditional")]
async fn conditional(order: u64, #[cfg(debug_assertions)] trace: String) -> Result<u64, Error> {
    Ok(order)
}

fn main() {}
