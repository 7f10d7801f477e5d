//! The partner as the shop knows it: a URL and a client.

use crate::partner::book::Payment;
use reqwest::StatusCode;
use resil::IdempotencyKey;
use resil::http::{Checked as _, Error};
use resil::ledger::OriginalKey;
use std::time::SystemTime;

pub struct Bank {
    client: reqwest::Client,
    url: String,
}

/// What the partner answers.
#[derive(serde::Deserialize)]
struct Charged {
    number: u64,
}

impl Bank {
    pub fn at(url: &str) -> Result<Self, reqwest::Error> {
        let client = resil::http::client().no_proxy().build()?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned() })
    }

    pub async fn charge(&self, order: i64, won: u32, key: &IdempotencyKey) -> Result<u64, Error> {
        let request = self.client.post(format!("{}/payments", self.url)).header("Idempotency-Key", key.as_str());
        let request = request.json(&serde_json::json!({ "order": order, "won": won }));
        let charged: Charged = request.checked().await?.json().await?;
        Ok(charged.number)
    }

    pub async fn find(&self, original: &OriginalKey) -> Result<Option<Payment>, Error> {
        let request = self.client.get(format!("{}/payments/{original}", self.url));
        match request.checked().await {
            Ok(answer) => answer.json().await.map(Some),
            Err(Error::Status { code: StatusCode::NOT_FOUND, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Under the key of the call it is made in, like every request of `checked()`.
    pub async fn cancel(&self, original: &OriginalKey) -> Result<(), Error> {
        let request = self.client.post(format!("{}/payments/{original}/cancel", self.url));
        match request.checked().await {
            Ok(_) | Err(Error::Status { code: StatusCode::NOT_FOUND, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The partner's book, from this time on.
    pub async fn book(&self, from: SystemTime) -> Result<Vec<Payment>, Error> {
        let from = from.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        self.client.get(format!("{}/payments?from={from}", self.url)).checked().await?.json().await
    }
}
