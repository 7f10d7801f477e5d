use resil::{Error, durable};
use sqlx::Sqlite;

#[durable(db = Sqlite, op = "pay", verify = nowhere, applied = no::book)]
async fn pay(won: u64) -> Result<u64, Error> {
    Ok(won)
}

#[durable(db = Sqlite, op = "amount", amount = wonn)]
async fn of_an_amount_that_is_not_there(won: u64) -> Result<u64, Error> {
    Ok(won)
}

fn main() {}
