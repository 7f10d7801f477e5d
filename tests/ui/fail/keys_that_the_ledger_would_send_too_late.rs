use resil::{Error, IdempotencyKey, durable};
use sqlx::Sqlite;

#[durable(db = Sqlite, op = "pay", in_doubt = repeat, settle = "25h")]
async fn settles_after_its_key_is_forgotten(won: u64, key: &IdempotencyKey) -> Result<u64, Error> {
    let _ = key;
    Ok(won)
}

#[durable(db = Sqlite, op = "pay", in_doubt = repeat, key_lifetime = "60s")]
async fn has_a_key_that_is_forgotten_at_once(won: u64, key: &IdempotencyKey) -> Result<u64, Error> {
    let _ = key;
    Ok(won)
}

#[durable(db = Sqlite, op = "pay", in_doubt = repeat, give_up = "a day")]
async fn without_units(won: u64, key: &IdempotencyKey) -> Result<u64, Error> {
    let _ = key;
    Ok(won)
}

fn main() {}
