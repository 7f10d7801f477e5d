//! Customers: they order, ask again until they are answered, ask twice, and change their minds.

use crate::scenarios::stage::WON;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// Where the shop's processes are. They move each time they are started.
pub type Shops = Arc<Mutex<Vec<SocketAddr>>>;

/// What customers were told.
#[derive(Debug, Default)]
pub struct Told {
    /// Orders that were answered with 202.
    pub placed: Vec<i64>,
    pub sold_out: usize,
    /// Repeated requests that were answered with another order.
    pub contradictions: Vec<String>,
}

/// What a shop answers in the end.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Placed(i64),
    SoldOut,
}

struct Customer {
    name: String,
    /// How many orders, by which each is told from the others. Every customer counts from 1, so their keys are alike.
    orders: u32,
    client: reqwest::Client,
    shops: Shops,
    rng: fastrand::Rng,
}

/// Orders until the end is told.
pub async fn orders(shops: Shops, seed: u64, end: watch::Receiver<bool>) -> Told {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().expect("a client");
    let mut customer =
        Customer { name: format!("{seed}"), orders: 0, client, shops, rng: fastrand::Rng::with_seed(seed) };
    let mut told = Told::default();
    while !*end.borrow() {
        customer.orders_once(&mut told).await;
        tokio::time::sleep(Duration::from_millis(customer.rng.u64(20..80))).await;
    }
    told
}

impl Customer {
    async fn orders_once(&mut self, told: &mut Told) {
        self.orders += 1;
        let item = if self.rng.u32(..10) == 0 { "teapot" } else { "tea" };
        let order = match self.asks(item).await {
            Answer::Placed(order) => order,
            Answer::SoldOut => {
                told.sold_out += 1;
                return;
            }
        };
        told.placed.push(order);
        match self.rng.u32(..10) {
            0 => {
                let again = self.asks(item).await;
                if again != Answer::Placed(order) {
                    told.contradictions.push(format!("order {order} was asked for again, and answered {again:?}"));
                }
            }
            1 => {
                // It may come too late, or not arrive.
                let url = self.url(&format!("/orders/{order}"));
                _ = self.client.delete(url).send().await;
            }
            _ => {}
        }
    }

    /// The same request, until there is an answer.
    async fn asks(&mut self, item: &str) -> Answer {
        loop {
            let url = self.url("/orders");
            let request = self.client.post(url).header("Customer", &self.name).header("Idempotency-Key", self.orders);
            let sent = request.json(&json!({ "item": item, "won": WON })).send().await;
            if let Ok(answer) = sent {
                let status = answer.status().as_u16();
                let body: Value = answer.json().await.unwrap_or_default();
                match (status, body["order"].as_i64(), body["title"].as_str()) {
                    (202, Some(order), _) => return Answer::Placed(order),
                    (409, _, Some("it is sold out")) => return Answer::SoldOut,
                    // The shop is busy, or was killed half way.
                    _ => {}
                }
            }
            tokio::time::sleep(Duration::from_millis(self.rng.u64(10..50))).await;
        }
    }

    fn url(&mut self, path: &str) -> String {
        let shops = self.shops.lock().unwrap();
        format!("http://{}{path}", shops[self.rng.usize(..shops.len())])
    }
}
