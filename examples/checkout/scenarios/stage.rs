//! A shop in this process and a partner in one of its own, for one scenario.

use crate::Failed;
use crate::books::{Books, Delivery};
use crate::partner::book::Payment;
use crate::partner::mood::{Change, Mood, Of};
use crate::process::Process;
use crate::shop::bank::Bank;
use crate::shop::compare::Comparison;
use crate::shop::nats::Stream;
use crate::shop::orders::Placed;
use crate::shop::{Serving, Shop};
use axum::Router;
use resil::ledger::{IntentId, IntentView};
use resil::{CircuitBreaker, Db, IdempotencyKey};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;

pub const WON: u32 = 50_000;
/// How often both books are compared.
const EVERY: Duration = Duration::from_secs(1);

pub struct Stage<DB: Books> {
    pub shop: Shop<DB>,
    pub partner: Process,
    pub client: reqwest::Client,
    serving: Serving,
    stream: Option<Stream>,
    folder: tempfile::TempDir,
}

/// Prints what happened on our side.
pub fn inside(what: &str) {
    println!("   inside:  {what}");
}

/// Prints what happened on the partner's side.
pub fn outside(what: &str) {
    println!("   outside: {what}");
}

/// A name that nobody else uses.
pub fn unique(name: &str) -> String {
    format!("{name}_{}", IdempotencyKey::random().as_str().replace('-', ""))
}

/// Plays a scenario, and leaves nothing behind.
pub async fn act<DB: Books>(
    db: Db<DB>,
    nats: Option<&str>,
    scenario: impl AsyncFnOnce(&mut Stage<DB>) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let mut stage = Stage::set(db, nats).await?;
    let played = scenario(&mut stage).await;
    let struck = stage.strike().await;
    played.and(struck)
}

impl<DB: Books> Stage<DB> {
    async fn set(db: Db<DB>, nats: Option<&str>) -> Result<Self, Failed> {
        // Nobody has had any trouble with this partner yet.
        circuit()?.reset()?;
        let folder = tempfile::tempdir()?;
        let partner = partner(&folder, "127.0.0.1:0").await?;
        let shop = Shop::open(db, Bank::at(&partner.url())?).await?;
        let stream = match nats {
            Some(url) => Some(Stream::open(url, &unique("checkout")).await?),
            None => None,
        };
        let serving =
            shop.serve(TcpListener::bind("127.0.0.1:0").await?, Router::new(), stream.clone(), Some(EVERY))?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { shop, partner, client, serving, stream, folder })
    }

    async fn strike(mut self) -> Result<(), Failed> {
        self.serving.shutdown.when(std::future::ready(())).await?;
        if let Some(stream) = self.stream {
            stream.delete().await?;
        }
        Ok(self.partner.kill().await?)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.serving.address)
    }

    /// What the partner does with the next calls, until it is told otherwise.
    pub async fn partner_is(&self, of: Of, mood: Mood) -> Result<(), Failed> {
        self.partner_changes(Change { of, mood, times: None, then: Mood::Ok }).await
    }

    pub async fn partner_changes(&self, change: Change) -> Result<(), Failed> {
        self.client.post(format!("{}/mood", self.partner.url())).json(&change).send().await?.error_for_status()?;
        Ok(())
    }

    /// SIGKILL; its book stays.
    pub async fn partner_dies(&mut self) -> Result<(), Failed> {
        Ok(self.partner.kill().await?)
    }

    /// Again, where it was before.
    pub async fn partner_returns(&mut self) -> Result<(), Failed> {
        self.partner = partner(&self.folder, &self.partner.address.to_string()).await?;
        Ok(())
    }

    /// Sends the partner a payment which is none of the ledger's, or none any more.
    pub async fn charge(&self, order: i64, key: &IdempotencyKey) -> Result<(), Failed> {
        let request = self.client.post(format!("{}/payments", self.partner.url()));
        let request = request.header("Idempotency-Key", key.as_str()).json(&json!({ "order": order, "won": WON }));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// How many payments wait for the partner's answer.
    pub async fn waiting(&self) -> Result<usize, Failed> {
        Ok(self.client.get(format!("{}/mood", self.partner.url())).send().await?.text().await?.parse()?)
    }

    /// Places an order for tea, which is answered before it is paid.
    pub async fn order(&self) -> Result<i64, Failed> {
        let order = json!({ "item": "tea", "won": WON });
        let request = self.client.post(self.url("/orders")).header("Customer", "alice");
        let request = request.header("Idempotency-Key", IdempotencyKey::random().as_str());
        let answer = request.json(&order).send().await?;
        expect(answer.status() == 202, "an order is answered with 202")?;
        let Placed { order } = answer.json().await?;
        Ok(order)
    }

    /// The intent to pay an order.
    pub async fn intent(&self, order: i64) -> Result<IntentView, Failed> {
        let order = DB::order(&self.shop.db, order).await?.ok_or("no such order")?;
        self.find(order.intent.parse()?).await
    }

    pub async fn find(&self, intent: IntentId) -> Result<IntentView, Failed> {
        Ok(self.shop.ledger.find(intent).await?.ok_or("no such intent")?)
    }

    pub async fn state(&self, order: i64) -> Result<String, Failed> {
        let answer: Value = self.client.get(self.url(&format!("/orders/{order}"))).send().await?.json().await?;
        Ok(answer["state"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until an order has come to this, and prints its way.
    pub async fn ends(&self, order: i64, state: &str) -> Result<(), Failed> {
        wait_until(state, async || Ok(self.state(order).await? == state)).await?;
        self.way(order).await?;
        inside(&format!("order {order} is {state}"));
        Ok(())
    }

    /// Prints the way of a payment, without what repeats itself.
    pub async fn way(&self, order: i64) -> Result<(), Failed> {
        let answer: Value = self.client.get(self.url(&format!("/orders/{order}"))).send().await?.json().await?;
        let mut before = "";
        for step in answer["payment"]["history"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let what = step.split_once("s  ").map_or(step, |(_, what)| what);
            if what != std::mem::replace(&mut before, what) {
                inside(step);
            }
        }
        Ok(())
    }

    pub async fn compare(&self) -> Result<Comparison, Failed> {
        Ok(self.client.get(self.url("/books")).send().await?.error_for_status()?.json().await?)
    }

    /// Waits until both books agree, and prints what the partner's says.
    pub async fn agree(&self) -> Result<Comparison, Failed> {
        let agreed = wait_until("both books agree", async || Ok(self.compare().await?.agrees())).await;
        let found = self.compare().await?;
        self.print_books().await?;
        agreed.map_err(|never| format!("{never}: {found:?}"))?;
        println!("   both books agree: {} paid, {} failed\n", found.paid, found.failed);
        Ok(found)
    }

    async fn print_books(&self) -> Result<(), Failed> {
        let (payments, deliveries) =
            (self.shop.bank.book(SystemTime::UNIX_EPOCH).await?, DB::deliveries(&self.shop.db).await?);
        if payments.len() > 10 {
            outside(&format!("{} payments in the book", payments.len()));
            inside(&format!("{} events delivered", deliveries.len()));
            return Ok(());
        }
        for Payment { number, order, won, state, .. } in payments {
            outside(&format!("payment {number} of {won} won for order {order}: {state}"));
        }
        for Delivery { order, topic } in deliveries {
            inside(&format!("event {topic} of order {order} is delivered"));
        }
        Ok(())
    }
}

/// What spares a partner in trouble.
pub fn circuit() -> Result<CircuitBreaker, Failed> {
    Ok(resil::registry().circuit_breaker("partner").ok_or("the circuit of `pay`")?)
}

async fn partner(folder: &tempfile::TempDir, address: &str) -> Result<Process, Failed> {
    let book = folder.path().join("partner.db").display().to_string();
    Process::start(&["--partner", "--listen", address, "--book", &book]).await
}

/// What a scenario is there to show.
pub fn expect(is_so: bool, what: &str) -> Result<(), Failed> {
    if is_so { Ok(()) } else { Err(format!("it should be so: {what}").into()) }
}

/// Real processes take their time: asks again, a good while.
pub async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> Result<bool, Failed>) -> Result<(), Failed> {
    for _ in 0..3000 {
        if is_so().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(format!("it never came to this: {what}").into())
}
