#![allow(unused_variables)]

use resil::ledger::{OriginalKey, Status};
use resil::{Error, IdempotencyKey, durable, retry};
use sqlx::Sqlite;

async fn asks_under_the_key(won: u64, key: &IdempotencyKey) -> Result<Status<u64>, Error> {
    Ok(Status::Pending)
}

async fn cancels_under_the_key(
    won: u64,
    key: &IdempotencyKey,
    other: &IdempotencyKey,
    receipt: Option<u64>,
) -> Result<(), Error> {
    Ok(())
}

async fn cancels_without_a_key_of_its_own(won: u64, key: &IdempotencyKey, receipt: Option<u64>) -> Result<(), Error> {
    Ok(())
}

#[durable(db = Sqlite, op = "pay", verify = asks_under_the_key, compensate = cancels_under_the_key)]
async fn pay(won: u64, key: &IdempotencyKey) -> Result<u64, Error> {
    Ok(won)
}

#[durable(db = Sqlite, op = "other", compensate = cancels_without_a_key_of_its_own)]
async fn other(won: u64, key: &IdempotencyKey) -> Result<u64, Error> {
    Ok(won)
}

#[durable(db = Sqlite, op = "original")]
async fn goes_out_under_another(won: u64, original: &OriginalKey) -> Result<u64, Error> {
    Ok(won)
}

#[retry(idempotency_key = original)]
async fn is_repeated_under_it(client: &reqwest::Client, original: &OriginalKey) -> Result<u64, Error> {
    _ = client.get("https://partner.example").header("Idempotency-Key", original.as_str());
    Ok(7)
}

async fn takes_it_for_a_key(original: &OriginalKey) -> IdempotencyKey {
    original.clone()
}

fn main() {}
