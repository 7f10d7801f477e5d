#![allow(unused_variables)]

use resil::{Db, Error, Once, RequestKey, transactional};
use serde::{Deserialize, Serialize};
use sqlx::Sqlite;

#[transactional(tx = db, op = "order.place", once = key)]
async fn of_any_client(db: &Db<Sqlite>, key: &RequestKey) -> Result<(), Error> {
    Ok(())
}

#[transactional(tx = db, op = "order.place", once = id)]
async fn of_a_text(db: &Db<Sqlite>, id: &str) -> Result<(), Error> {
    Ok(())
}

#[transactional(tx = db, op = "order.place", once = format!("{user}/{key}"))]
async fn of_what_may_run_together(db: &Db<Sqlite>, user: &str, key: &str) -> Result<(), Error> {
    Ok(())
}

#[transactional(tx = db, op = "order.place", once = item.number)]
async fn of_a_number(db: &Db<Sqlite>, item: Item) -> Result<(), Error> {
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct Item {
    number: u64,
}

#[transactional(tx = db, op = "order.place", once = item)]
async fn of_what_is_no_id(db: &Db<Sqlite>, item: &Item) -> Result<(), Error> {
    Ok(())
}

fn main() {
    let key: RequestKey = "1".parse().unwrap();
    let once = Once::of("order.place", &key);
    let once = Once::of("order.place", 7);
    let owned = key.to_string();
}
