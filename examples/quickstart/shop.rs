//! The service: what a user of resil writes.

use resil::http::{Checked as _, Error};
use resil::{IdempotencyKey, circuit_breaker, deadline, retry, timeout};
use serde::{Deserialize, Serialize};

/// A shop that depends on a partner it cannot trust.
pub struct Shop {
    http: reqwest::Client,
    partner: String,
}

#[derive(Debug, Deserialize)]
pub struct Receipt {
    pub total: u64,
}

#[derive(Debug, Serialize)]
pub struct Order<'a> {
    pub item: &'a str,
    pub quantity: u32,
}

#[derive(Debug, Deserialize)]
pub struct Accepted {
    pub order: u64,
}

impl Shop {
    pub fn new(partner: impl Into<String>) -> Result<Self, reqwest::Error> {
        let http = resil::http::client().no_proxy().build()?;
        Ok(Self { http, partner: partner.into() })
    }

    /// A read: asking twice changes nothing.
    #[deadline("5s")]
    #[retry(idempotent, base = "20ms")]
    #[circuit_breaker(min_calls = 50)]
    #[timeout("600ms", connect = "200ms", read = "150ms", allow(range))]
    pub async fn receipt(&self, id: &str) -> Result<Receipt, Error> {
        let url = format!("{}/receipts/{id}", self.partner);
        self.http.get(url).checked().await?.json().await
    }

    /// An overwrite: storing the same address twice leaves the same address.
    #[deadline("5s")]
    #[retry(idempotent, base = "20ms")]
    #[circuit_breaker]
    #[timeout("600ms", connect = "200ms", read = "150ms", allow(range))]
    pub async fn move_to(&self, customer: &str, address: &str) -> Result<(), Error> {
        let url = format!("{}/addresses/{customer}", self.partner);
        self.http.put(url).body(address.to_owned()).checked().await?;
        Ok(())
    }

    /// An order: twice would be two orders, were it not for the key, which `checked()` sends along.
    #[deadline("5s")]
    #[retry(idempotency_key = key, base = "20ms")]
    #[circuit_breaker]
    #[timeout("600ms", connect = "200ms", read = "150ms", allow(range))]
    pub async fn order(&self, order: &Order<'_>, key: &IdempotencyKey) -> Result<Accepted, Error> {
        let url = format!("{}/orders", self.partner);
        self.http.post(url).json(order).checked().await?.json().await
    }

    /// A read behind a breaker that opens early, so that the account of it stays short.
    #[circuit_breaker(name = "stock", window = 4, min_calls = 4, open_for = "300ms", half_open_calls = 1)]
    #[timeout("600ms", connect = "200ms", read = "150ms", allow(range))]
    pub async fn stock(&self, item: &str) -> Result<String, Error> {
        let url = format!("{}/stock/{item}", self.partner);
        self.http.get(url).checked().await?.text().await
    }
}
