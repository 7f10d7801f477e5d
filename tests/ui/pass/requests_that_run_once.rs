//! `once` on what people write.

#![deny(warnings)]

use resil::ledger::IntentId;
use resil::outbox::MessageId;
use resil::{Db, Error, IdempotencyKey, RequestKey, bulkhead, fallback, retry, timeout, transactional};
use serde::{Deserialize, Serialize};
use sqlx::Sqlite;
use std::collections::HashMap;

#[derive(Serialize, Deserialize)]
struct Order<T> {
    id: T,
    lines: HashMap<String, u32>,
}

struct Client;

const OP: &str = "order.place";

struct Shop {
    db: Db<Sqlite>,
}

impl Shop {
    #[fallback(value = None)]
    #[retry(idempotent)]
    #[timeout("5s")]
    #[transactional(tx = self.db, op = OP, once = IdempotencyKey::derived("order", &order.id), keep = "7d")]
    async fn of_a_field(&self, order: &Order<String>) -> Result<Option<u64>, Error> {
        let _ = tx;
        Ok(Some(order.lines.len() as u64))
    }

    #[transactional(tx = self.db, op = "order.cancel", once = &key.step("cancel"), fingerprint = (&order.id, *number))]
    async fn of_what_counts(
        &self,
        key: &IdempotencyKey,
        client: &Client,
        order: Order<u64>,
        number: &mut u32,
    ) -> Result<(u64, String), Error> {
        let _ = (tx, client);
        *number += 1;
        Ok((order.id, key.to_string()))
    }

    #[transactional(tx = self.db, op = "order.generic", once = id)]
    async fn of_any<T>(&self, id: MessageId, what: T) -> Result<T, Error>
    where
        T: Serialize + for<'a> Deserialize<'a> + Send,
    {
        let _ = tx;
        if id.to_string().is_empty() {
            return Ok(what);
        }
        Ok(what)
    }
}

#[transactional(tx = db, op = "order.nothing", once = request.of(user))]
async fn of_nothing(db: &Db<Sqlite>, user: u64, request: &RequestKey, transaction: u8, once: u8) -> Result<(), Error> {
    let _ = (tx, transaction, once, request);
    Ok(())
}

#[transactional(tx = db, op = "order.intent", once = intent)]
async fn of_an_intent(db: &Db<Sqlite>, intent: IntentId) -> Result<(), Error> {
    let _ = tx;
    Ok(())
}

#[transactional(tx = db, op = "order.global", once = request.global("our gateway makes random ones"))]
async fn of_a_gateway(db: &Db<Sqlite>, request: RequestKey) -> Result<(), Error> {
    let _ = tx;
    Ok(())
}

/// What only the claim uses is handed to it as well.
#[retry(idempotent)]
#[bulkhead(threads = 1)]
#[transactional(tx = db, op = "order.elsewhere", once = key)]
async fn elsewhere(db: Db<Sqlite>, key: IdempotencyKey, item: String) -> Result<u64, Error> {
    let _ = tx;
    Ok(7)
}

fn is_send<T: Send>(_: T) {}

fn main() {
    let calls = async |shop: &Shop, order: Order<String>, mut number: u32| {
        is_send(shop.of_a_field(&order));
        let (request, message): (RequestKey, MessageId) = ("r".parse().unwrap(), "r".parse().unwrap());
        is_send(shop.of_any(message, "text".to_owned()));
        is_send(of_nothing(&shop.db, 1, &request, 1, 1));
        is_send(of_an_intent(&shop.db, "r".parse().unwrap()));
        is_send(of_a_gateway(&shop.db, request));
        let key = IdempotencyKey::random();
        let order = Order { id: 7, lines: HashMap::new() };
        is_send(shop.of_what_counts(&key, &Client, order, &mut number));
    };
    let _ = calls;
}
