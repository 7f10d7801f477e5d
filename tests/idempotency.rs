//! The `Idempotency-Key` header of our own callers, through a real server.

#![expect(clippy::unwrap_used, reason = "a test")]

mod support;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use resil::http::IdempotencyLayer;
use resil::{Backend, Db, Error, RequestKey, transactional};
use serde::{Deserialize, Serialize};
use std::future::IntoFuture as _;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    item: String,
    number: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Placed {
    order: Order,
    rate: f64,
    run: u128,
}

struct Shop<DB: Backend> {
    db: Db<DB>,
    /// Opens for good.
    gate: Semaphore,
    inside: Notify,
}

type Shared<DB> = State<Arc<Shop<DB>>>;

impl<DB: Backend> Shop<DB> {
    #[transactional(tx = self.db, op = "order.place", once = key.of("alice"))]
    async fn place(&self, key: &RequestKey, order: Order) -> Result<Placed, Error> {
        let _ = tx;
        if order.item == "slow" {
            self.inside.notify_one();
            _ = self.gate.acquire().await;
        }
        // What no two runs have in common.
        let run = u128::from(std::process::id()) + std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        Ok(Placed { order, rate: 0.1 + 0.2, run })
    }
}

async fn place<DB: Backend>(State(shop): Shared<DB>, key: RequestKey, Json(order): Json<Order>) -> Response {
    match shop.place(&key, order).await {
        Ok(placed) => Json(placed).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn optional(key: Option<RequestKey>) -> String {
    key.map_or_else(|| "none".to_owned(), |key| key.as_str().to_owned())
}

struct Client {
    url: String,
    client: reqwest::Client,
}

impl Client {
    async fn post(&self, path: &str, keys: &[&str], order: &str) -> (u16, String) {
        let mut request = self.client.post(format!("{}{path}", self.url));
        for key in keys {
            request = request.header("Idempotency-Key", *key);
        }
        let request = request.header("content-type", "application/json");
        let response = request.body(order.to_owned()).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

async fn serve<DB: Backend>(db: Db<DB>) -> (Arc<Shop<DB>>, Client) {
    db.migrate().await.unwrap();
    let shop = Arc::new(Shop { db, gate: Semaphore::new(0), inside: Notify::new() });
    let router = Router::new()
        .route("/orders", post(place::<DB>).get(async || "all"))
        .route("/other", post(place::<DB>))
        .layer(IdempotencyLayer::new())
        .route("/optional", get(optional).post(optional))
        .with_state(Arc::clone(&shop));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    (shop, Client { url, client: reqwest::Client::new() })
}

const TEA: &str = r#"{"item":"tea","number":2}"#;

async fn a_repeat_gets_the_stored_answer_to_the_byte<DB: Backend>(db: Db<DB>) {
    let (_shop, client) = serve(db).await;
    let first = client.post("/orders", &["\"r-1\""], TEA).await;
    assert_eq!(first.0, 200);
    for key in ["\"r-1\"", "r-1", " r-1 "] {
        assert_eq!(client.post("/orders", &[key], TEA).await, first);
    }
    assert_ne!(client.post("/orders", &["r-2"], TEA).await, first);
}

async fn a_request_without_a_usable_key_is_a_400<DB: Backend>(db: Db<DB>) {
    let (_shop, client) = serve(db).await;
    let long = "x".repeat(256);
    for (keys, title) in [
        (&[][..], "this request needs an Idempotency-Key header"),
        (&["\"\""], "the Idempotency-Key header is empty"),
        (&["a", "b"], "this request has more than one Idempotency-Key header"),
        (&[&*long], "the Idempotency-Key header has 256 bytes; at most 255 are allowed"),
        (&["a b"], "byte 1 of the Idempotency-Key header is not a visible ASCII character"),
        (&["caf\u{e9}"], "byte 3 of the Idempotency-Key header is not a visible ASCII character"),
    ] {
        let problem = format!(r#"{{"status":400,"title":"{title}"}}"#);
        assert_eq!(client.post("/orders", keys, TEA).await, (400, problem));
    }
    let read = client.client.get(format!("{}/orders", client.url)).send().await.unwrap();
    assert_eq!(read.text().await.unwrap(), "all", "a read needs none");
}

async fn another_payload_under_the_same_key_is_a_422<DB: Backend>(db: Db<DB>) {
    let (_shop, client) = serve(db).await;
    assert_eq!(client.post("/orders", &["r-1"], TEA).await.0, 200);
    let (status, problem) = client.post("/orders", &["r-1"], r#"{"item":"tea","number":3}"#).await;
    assert_eq!(status, 422);
    assert!(problem.contains("another request needs another key"), "{problem}");
    let spaced = client.post("/orders", &["r-1"], r#"{ "number": 2, "item": "tea" }"#).await;
    assert_eq!(spaced.0, 200, "the same order, written otherwise");
}

async fn a_key_whose_first_request_runs_is_a_409<DB: Backend>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let client = Arc::new(client);
    let slow = r#"{"item":"slow","number":1}"#;
    let first = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.post("/orders", &["r-1"], slow).await }
    });
    shop.inside.notified().await;
    let (status, problem) = client.post("/orders", &["r-1"], slow).await;
    assert_eq!(status, 409, "{problem}");
    shop.gate.close();
    let first = first.await.unwrap();
    assert_eq!(first.0, 200);
    assert_eq!(client.post("/orders", &["r-1"], slow).await, first);
}

async fn a_client_that_leaves_frees_its_key<DB: Backend>(db: Db<DB>) {
    let (shop, client) = serve(db).await;
    let slow = r#"{"item":"slow","number":1}"#;
    {
        let leaving = client.post("/orders", &["r-1"], slow);
        tokio::select! {
            _ = leaving => unreachable!(),
            () = shop.inside.notified() => {}
        }
    }
    shop.gate.close();
    // The server notices some time after the client has left.
    let mut answer = client.post("/orders", &["r-1"], slow).await;
    while answer.0 == 409 {
        answer = client.post("/orders", &["r-1"], slow).await;
    }
    assert_eq!(answer.0, 200);
}

on_both! {
    a_repeat_gets_the_stored_answer_to_the_byte,
    a_request_without_a_usable_key_is_a_400,
    another_payload_under_the_same_key_is_a_422,
    a_key_whose_first_request_runs_is_a_409,
    a_client_that_leaves_frees_its_key,
}

#[tokio::test]
async fn an_optional_key_may_be_missing_but_not_unusable() {
    support::sqlite(async |db| {
        let (_shop, client) = serve(db).await;
        assert_eq!(client.post("/optional", &[], "").await, (200, "none".to_owned()));
        assert_eq!(client.post("/optional", &["r-1"], "").await, (200, "r-1".to_owned()));
        assert_eq!(client.post("/optional", &[""], "").await.0, 400);
    })
    .await;
}

#[test]
fn our_errors_are_answers_that_tell_nothing_of_what_is_inside() {
    use std::time::Duration;
    static SITE: resil::Site = resil::Site { function: "shop::pay", file: "src/shop.rs", line: 12 };
    let (site, limit) = (&SITE, Duration::from_secs(1));
    for (error, status, retry_after) in [
        (Error::CircuitOpen { name: "secret", retry_after: Some(Duration::from_millis(1500)) }, 503, Some("2")),
        (Error::CircuitOpen { name: "secret", retry_after: Some(Duration::ZERO) }, 503, Some("1")),
        (Error::CircuitOpen { name: "secret", retry_after: None }, 503, None),
        (Error::SemaphoreFull { name: "secret", limit: 1, waited: limit }, 503, Some("1")),
        (Error::BulkheadFull { name: "secret", limit: 1, waited: limit }, 503, Some("1")),
        (Error::Timeout { site, phase: resil::Phase::Read, limit }, 504, None),
        (Error::DeadlineExceeded { site, limit, attempted: false, cut_short: false }, 504, None),
        (Error::Panicked { name: "secret" }, 500, None),
        (Error::MissingKey { method: "POST" }, 500, None),
    ] {
        let text = error.to_string();
        let response = error.into_response();
        assert_eq!(response.status().as_u16(), status, "{text}");
        let header = response.headers().get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(header, retry_after, "{text}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let body = format!("{:?}", response.into_body());
        assert!(!body.contains("secret") && !body.contains("shop"), "{body}");
    }
}
