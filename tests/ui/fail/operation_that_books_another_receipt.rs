use resil::{Error, Tx, durable};
use serde::{Deserialize, Serialize};
use sqlx::Sqlite;

#[derive(Serialize, Deserialize)]
struct Receipt(u64);

async fn books_a_number(_tx: &mut Tx<Sqlite>, _won: u64, _receipt: &u64) -> Result<(), Error> {
    Ok(())
}

async fn takes_the_receipt(_tx: &mut Tx<Sqlite>, _won: u64, _receipt: Receipt) -> Result<(), Error> {
    Ok(())
}

async fn without_a_receipt(_tx: &mut Tx<Sqlite>, _won: u64) -> Result<(), Error> {
    Ok(())
}

async fn answers_more(_tx: &mut Tx<Sqlite>, _won: u64, _receipt: &Receipt) -> Result<u64, Error> {
    Ok(7)
}

fn not_async(_tx: &mut Tx<Sqlite>, _won: u64, _receipt: &Receipt) -> Result<(), Error> {
    Ok(())
}

#[durable(db = Sqlite, op = "number", applied = books_a_number)]
async fn number(won: u64) -> Result<Receipt, Error> {
    Ok(Receipt(won))
}

#[durable(db = Sqlite, op = "value", applied = takes_the_receipt)]
async fn value(won: u64) -> Result<Receipt, Error> {
    Ok(Receipt(won))
}

#[durable(db = Sqlite, op = "less", applied = without_a_receipt)]
async fn less(won: u64) -> Result<Receipt, Error> {
    Ok(Receipt(won))
}

#[durable(db = Sqlite, op = "more", applied = answers_more)]
async fn more(won: u64) -> Result<Receipt, Error> {
    Ok(Receipt(won))
}

#[durable(db = Sqlite, op = "sync", applied = not_async)]
async fn sync(won: u64) -> Result<Receipt, Error> {
    Ok(Receipt(won))
}

fn main() {}
