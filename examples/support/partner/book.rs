//! The partner's own business: what it has really done, whatever it answered.

use std::collections::HashMap;

use super::request::Request;
use super::response::Response;

/// An order the partner has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Counted from 1, in the order of acceptance.
    pub number: u64,
    /// The `idempotency-key` it was sent with.
    pub key: Option<String>,
    /// The body it was sent with.
    pub body: String,
}

/// The orders accepted and the addresses stored.
#[derive(Debug, Default)]
pub(super) struct Book {
    orders: Vec<Order>,
    addresses: HashMap<String, String>,
}

impl Book {
    /// What the partner does with a request when no script tells it otherwise:
    ///
    /// - `POST /orders` accepts an order, or finds the one already accepted under the same key;
    /// - `PUT /addresses/{id}` stores an address, over the one stored before;
    /// - everything else is not found.
    pub(super) fn serve(&mut self, request: &Request) -> Response {
        let address = request.path.strip_prefix("/addresses/");
        match (request.method.as_str(), request.path.as_str(), address) {
            ("POST", "/orders", _) => self.order(request),
            ("PUT", _, Some(id)) if !id.is_empty() => {
                self.addresses.insert(id.to_owned(), request.body.clone());
                Response::json(200, r#"{"stored":true}"#)
            }
            _ => Response::status(404),
        }
    }

    fn order(&mut self, request: &Request) -> Response {
        let key = &request.idempotency_key;
        let known = self.orders.iter().find(|order| key.is_some() && order.key == *key);
        if let Some(order) = known {
            return receipt(order.number).with("idempotent-replayed", "true");
        }
        let number = self.orders.last().map_or(0, |order| order.number) + 1;
        self.orders.push(Order { number, key: key.clone(), body: request.body.clone() });
        receipt(number)
    }

    /// Every order accepted, oldest first.
    pub(super) fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// The address stored last under `id`.
    pub(super) fn address(&self, id: &str) -> Option<&str> {
        self.addresses.get(id).map(String::as_str)
    }
}

/// The answer to an accepted order; a replay says the same, so the two differ by a header only.
fn receipt(number: u64) -> Response {
    Response::json(201, format!(r#"{{"order":{number}}}"#))
}
