use resil::{Classify, Error, durable};
use sqlx::Sqlite;

fn is_final(_: &std::io::Error) -> bool {
    true
}

#[durable(db = Sqlite, op = "other", conclusive = is_final)]
async fn of_another_error(won: u64) -> Result<u64, Error> {
    Ok(won)
}

#[durable(db = Sqlite, op = "quoted", conclusive = "is_final")]
async fn in_quotes(won: u64) -> Result<u64, Error> {
    Ok(won)
}

#[durable(db = Sqlite, op = "single", conclusive = 402)]
async fn without_a_list(won: u64) -> Result<u64, Error> {
    Ok(won)
}

#[derive(Debug, Classify)]
enum Refusal {
    #[classify(caller, conclusive)]
    Declined,
    #[classify(transient, conclusive)]
    Busy,
    #[classify(conclusive)]
    Nothing,
}

fn main() {}
