#![allow(unused_variables)]

use resil::{Db, Error, IdempotencyKey, Tx, transactional};
use serde::{Deserialize, Serialize};
use sqlx::Sqlite;

#[transactional(tx = db, once = id)]
async fn of_no_operation(db: &Db<Sqlite>, id: u64) -> Result<(), Error> {
    Ok(())
}

#[transactional(tx = db, op = "order.place", keep = "24h", fingerprint = id)]
async fn of_no_request(db: &Db<Sqlite>, id: u64) -> Result<(), Error> {
    Ok(())
}

#[transactional(tx, op = "order.place", once = id)]
async fn in_the_callers(tx: &mut Tx<Sqlite>, id: u64) -> Result<(), Error> {
    Ok(())
}

#[transactional(tx = db, op = "", once = id, keep = 24)]
async fn without_a_name_and_a_unit(db: &Db<Sqlite>, id: u64) -> Result<(), Error> {
    Ok(())
}

#[transactional(tx = db, op = "order.place", once = id)]
async fn unnamed(db: &Db<Sqlite>, id: u64, (item, number): (u64, u64)) -> Result<u64, Error> {
    Ok(item + number)
}

struct Shop {
    db: Db<Sqlite>,
}

impl Shop {
    #[transactional(tx = self.db, op = Self::OP, once = id)]
    async fn of_what_a_static_cannot_see(&self, id: u64) -> Result<(), Error> {
        Ok(())
    }
}

struct User {
    name: String,
}

impl User {
    #[transactional(tx = db, op = "secret", once = id)]
    async fn of_self(&self, db: &Db<Sqlite>, id: u64) -> Result<String, Error> {
        Ok(self.name.clone())
    }
}

struct Session {
    db: Db<Sqlite>,
    user: String,
}

#[transactional(tx = session.db, op = "secret", once = id)]
async fn of_what_has_the_database(session: &Session, id: IdempotencyKey) -> Result<String, Error> {
    let _ = tx;
    Ok(session.user.clone())
}

struct Client;

#[derive(Debug)]
struct Receipt(u64);

#[derive(Serialize, Deserialize)]
struct Item(u64);

#[transactional(tx = db, op = "order.place", once = id)]
async fn what_cannot_be_compared(db: &Db<Sqlite>, id: IdempotencyKey, client: &Client, item: Item) -> Result<u64, Error> {
    let _ = (tx, client);
    Ok(item.0)
}

#[transactional(tx = db, op = "order.place", once = id)]
async fn what_cannot_be_stored(db: &Db<Sqlite>, id: IdempotencyKey, item: Item) -> Result<Receipt, Error> {
    let _ = tx;
    Ok(Receipt(item.0))
}

fn main() {}
