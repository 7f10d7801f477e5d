use resil::{Db, Error, Tx, outside_transaction, retry, timeout, transactional};
use sqlx::Sqlite;

#[transactional]
async fn of_what() -> Result<(), Error> {
    Ok(())
}

#[transactional(db = db)]
async fn misnamed(db: &Db<Sqlite>) -> Result<(), Error> {
    let _ = db;
    Ok(())
}

#[transactional(tx)]
async fn without_one() -> Result<(), Error> {
    Ok(())
}

#[transactional(tx = db)]
async fn hidden(db: &Db<Sqlite>, tx: u64) -> Result<u64, Error> {
    let _ = db;
    Ok(tx)
}

#[retry(unsent)]
#[transactional(tx)]
async fn repeats_a_part(tx: &mut Tx<Sqlite>) -> Result<(), Error> {
    let _ = tx;
    Ok(())
}

#[outside_transaction]
#[transactional(tx = db)]
async fn both(db: &Db<Sqlite>) -> Result<(), Error> {
    let _ = db;
    Ok(())
}

#[transactional(tx = db)]
#[timeout("5s")]
async fn upside_down(db: &Db<Sqlite>) -> Result<(), Error> {
    let _ = db;
    Ok(())
}

#[outside_transaction]
async fn cannot_be_refused() -> u64 {
    7
}

#[outside_transaction(strict)]
async fn argument() -> Result<(), Error> {
    Ok(())
}

#[transactional(tx)]
async fn of_another_kind(tx: &mut sqlx::Transaction<'_, Sqlite>) -> Result<(), Error> {
    let _ = tx;
    Ok(())
}

#[transactional(tx = pool)]
async fn of_a_raw_pool(pool: &sqlx::SqlitePool) -> Result<(), Error> {
    let _ = tx;
    Ok(())
}

fn main() {}
