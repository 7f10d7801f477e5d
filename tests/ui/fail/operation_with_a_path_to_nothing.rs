use resil::{Error, durable};
use sqlx::Sqlite;

#[durable(db = Sqlite, op = "pay", verify = nowhere, applied = no::book)]
async fn pay(won: u64) -> Result<u64, Error> {
    Ok(won)
}

fn main() {}
