//! The partner's misdeeds, one scene each, and what must come of them.

use crate::account::Account;
use crate::partner::unreachable::{UNRESOLVABLE, Unaccepting, refused_addr};
use crate::partner::{Answer, Partner};
use crate::shop::{Order, Receipt, Shop};
use resil::http::Error;
use resil::{Effect, IdempotencyKey};
use std::error::Error as StdError;
use std::time::Duration;

/// Plays scenes and keeps count of those that did not go as announced.
pub struct Stage {
    pub partner: Partner,
    pub shop: Shop,
    pub account: Account,
    pub surprises: u32,
}

const RECEIPT: &str = r#"{"total":18000}"#;

impl Stage {
    /// Reads: the partner misbehaves once, in every way it can, and then answers.
    pub async fn reads(&mut self) {
        let drip = Answer::drip(RECEIPT, Duration::from_millis(60));
        let scenes = [
            ("it answers", vec![], "Nothing failed: one request, nothing spent."),
            ("it stays silent past the read timeout", vec![Answer::Withhold], "A read may be asked again."),
            (
                "its answer drips past the whole bound",
                vec![drip],
                "Each byte restarts the read clock, not the whole bound.",
            ),
            ("it resets in mid-answer", vec![Answer::ResetMidAnswer], "A lost connection passes: asked again."),
            (
                "it answers 503, Retry-After: 1",
                vec![Answer::StatusRetryAfter(503, 1)],
                "The wait it asked for is a lower bound.",
            ),
            ("it answers 502", vec![Answer::Status(502)], "A gateway's trouble passes: asked again."),
        ];
        for (number, (deed, mut answers, meaning)) in scenes.into_iter().enumerate() {
            let path = format!("/receipts/{number}");
            let expected = answers.len() + 1;
            answers.push(Answer::ok(RECEIPT));
            self.partner.on(&path).answers(answers);
            let outcome = self.shop.receipt(&number.to_string()).await;
            let fine = matches!(outcome, Ok(Receipt { total: 18_000 }));
            let told = outcome.map(|receipt| format!("a receipt over {} won", receipt.total));
            self.tell("GET", &path, deed, told, meaning, fine && self.partner.requests(&path) == expected);
        }
        let outcome = self.shop.receipt("unknown").await;
        let fine = matches!(&outcome, Err(Error::Status { code, .. }) if code.as_u16() == 404);
        let fine = fine && self.partner.requests("/receipts/unknown") == 1;
        let told = outcome.map(|_| String::new());
        self.tell(
            "GET",
            "/receipts/unknown",
            "it answers 404",
            told,
            "Our request was wrong: one request, no retry.",
            fine,
        );
    }

    /// Partners that are not there at all: nothing was sent, and the verdict says so.
    pub async fn absent_partners(&mut self) -> Result<(), Box<dyn StdError>> {
        let unaccepting = Unaccepting::start().await?;
        let scenes = [
            (format!("http://{}", refused_addr()?), "it refuses connections"),
            (format!("http://{UNRESOLVABLE}"), "its name does not resolve"),
            (unaccepting.url(""), "its handshake never completes"),
        ];
        for (url, deed) in scenes {
            let outcome = Shop::new(url)?.receipt("1").await;
            let unsent = outcome.as_ref().is_err_and(|error| resil::Classify::verdict(error).effect == Effect::None);
            let told = outcome.map(|_| String::new());
            self.tell("GET", "/receipts/1", deed, told, "Certainly never sent, so any call could be repeated.", unsent);
        }
        Ok(())
    }

    /// Writes whose first answer is lost.
    pub async fn writes(&mut self) {
        self.partner.on("/addresses/7").answers([Answer::apply_then(Answer::ResetBeforeAnswer), Answer::AsUsual]);
        let told = self.shop.move_to("7", "Seoul").await.map(|()| "stored".to_owned());
        let stored = self.partner.address("7").as_deref() == Some("Seoul");
        let fine = told.is_ok() && stored && self.partner.requests("/addresses/7") == 2;
        self.tell(
            "PUT",
            "/addresses/7",
            "it applies and loses the answer",
            told,
            "Stored twice, the same: an overwrite.",
            fine,
        );

        self.partner.on("/orders").answers([Answer::ApplyThenLose, Answer::AsUsual]);
        let key = IdempotencyKey::derived("order", 42);
        let outcome = self.shop.order(&Order { item: "tea", quantity: 2 }, &key).await;
        let book = self.partner.book();
        let fine = outcome.is_ok() && book.len() == 1 && self.partner.requests("/orders") == 2;
        let told = outcome.map(|accepted| format!("order {}; the partner's book holds {}", accepted.order, book.len()));
        self.tell(
            "POST",
            "/orders",
            "it applies and loses the answer",
            told,
            "Two requests under one key: one order.",
            fine,
        );
    }

    /// A partner that is down: the breaker opens, spares it, probes it, and closes.
    pub async fn circuit_breaker(&mut self) {
        self.partner.on("/stock/tea").answers([Answer::Status(503)]);
        for _ in 0..4 {
            _ = self.shop.stock("tea").await;
        }
        let refused = self.shop.stock("tea").await;
        let open = matches!(refused, Err(Error::Policy(resil::Error::CircuitOpen { .. })));
        let fine = open && self.partner.requests("/stock/tea") == 4;
        let told = refused.map(|_| String::new());
        self.tell(
            "GET",
            "/stock/tea",
            "it is down: 503, four times",
            told,
            "The fifth call is refused here: four requests.",
            fine,
        );

        self.partner.on("/stock/tea").answers([Answer::ok("12 boxes")]);
        tokio::time::sleep(Duration::from_millis(350)).await;
        let told = self.shop.stock("tea").await;
        let fine = told.as_deref().is_ok_and(|answer| answer == "12 boxes") && self.partner.requests("/stock/tea") == 5;
        self.tell(
            "GET",
            "/stock/tea",
            "it is back, 0.3 s later",
            told,
            "One probe succeeds, and the circuit closes.",
            fine,
        );
    }

    fn tell(&mut self, method: &str, path: &str, deed: &str, told: Result<String, Error>, meaning: &str, fine: bool) {
        let happened = self.account.take();
        let mark = if fine { " ok " } else { "FAIL" };
        self.surprises += u32::from(!fine);
        println!("{mark}  {:<24}{deed}", format!("{method} {path}"));
        if !happened.waits.is_empty() {
            println!("      {} attempts, after waits of {}", happened.waits.len() + 1, happened.waits.join(", "));
        }
        for transition in happened.transitions {
            println!("      circuit breaker: {transition}");
        }
        match told {
            Ok(value) => println!("      -> {value}"),
            Err(error) => println!("      -> error: {error}"),
        }
        println!("      {meaning}\n");
    }
}

/// The same calls, against a server of the user's own: nothing is announced, so nothing is checked.
pub async fn against(url: &str, account: &Account) -> Result<(), Box<dyn StdError>> {
    let shop = Shop::new(url.trim_end_matches('/'))?;
    let order = Order { item: "tea", quantity: 2 };
    let key = IdempotencyKey::derived("order", 42);
    let results = [
        ("GET /receipts/1", shop.receipt("1").await.map(|receipt| format!("{receipt:?}"))),
        ("PUT /addresses/7", shop.move_to("7", "Seoul").await.map(|()| "stored".to_owned())),
        ("POST /orders", shop.order(&order, &key).await.map(|accepted| format!("order {}", accepted.order))),
        ("GET /stock/tea", shop.stock("tea").await),
    ];
    let waits = account.take().waits;
    for (call, result) in results {
        match result {
            Ok(value) => println!("{call:<20}{value}"),
            Err(error) => println!("{call:<20}error: {error}"),
        }
    }
    println!("\n{} retries, waits: [{}]; idempotency key of the order: {key}", waits.len(), waits.join(", "));
    Ok(())
}
