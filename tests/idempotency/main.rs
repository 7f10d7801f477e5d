//! The `Idempotency-Key` header of our own callers, through a real server.

#![expect(clippy::unwrap_used, reason = "a test")]

mod answers;
mod around;
mod both_sides;
mod doubles;
mod headers;
#[path = "../support/mod.rs"]
mod support;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use resil::http::{IdempotencyLayer, NotKept};
use resil::{Backend, Db, Error, RequestKey, transactional};
use serde::{Deserialize, Serialize};
use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
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
    run: u32,
}

struct Shop<DB: Backend> {
    db: Db<DB>,
    /// Opens for good.
    gate: Semaphore,
    inside: Notify,
    /// How often a handler has begun, and a transaction.
    handled: AtomicU32,
    runs: AtomicU32,
}

type Shared<DB> = State<Arc<Shop<DB>>>;

/// Who has signed in.
fn user(parts: &Parts) -> Option<String> {
    parts.headers.get("user").map(|name| name.to_str().unwrap().to_owned())
}

impl<DB: Backend> Shop<DB> {
    #[transactional(tx = self.db, op = "order.place", once = key.of(user))]
    async fn place(&self, user: &str, key: &RequestKey, order: Order) -> Result<Placed, Error> {
        let _ = tx;
        if order.item == "slow" {
            self.inside.notify_one();
            _ = self.gate.acquire().await;
        }
        // What no two runs have in common.
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        Ok(Placed { order, rate: 0.1 + 0.2, run })
    }

    fn counts(&self) -> (u32, u32) {
        (self.handled.load(Ordering::Relaxed), self.runs.load(Ordering::Relaxed))
    }
}

async fn place<DB: Backend>(
    State(shop): Shared<DB>,
    headers: axum::http::HeaderMap,
    key: RequestKey,
    Json(order): Json<Order>,
) -> Response {
    shop.handled.fetch_add(1, Ordering::Relaxed);
    let Some(user) = headers.get("user") else { return StatusCode::UNAUTHORIZED.into_response() };
    match shop.place(user.to_str().unwrap(), &key, order).await {
        Ok(placed) => {
            let location = ("location", format!("/orders/{}", placed.run));
            let cookie = ("set-cookie", "session=secret".to_owned());
            (StatusCode::CREATED, AppendHeaders([location, cookie]), Json(placed)).into_response()
        }
        Err(error) => error.into_response(),
    }
}

#[derive(Deserialize)]
struct Wanted {
    status: u16,
    what: Option<String>,
}

/// Answers as it is told, and each time otherwise.
async fn any<DB: Backend>(State(shop): Shared<DB>, Query(wanted): Query<Wanted>) -> Response {
    let number = shop.handled.fetch_add(1, Ordering::Relaxed);
    let status = StatusCode::from_u16(wanted.status).unwrap();
    match wanted.what.as_deref() {
        Some("in doubt") => (status, NotKept, format!("run {number}")).into_response(),
        Some("binary") => (status, [0, 159, 146, 150, u8::try_from(number).unwrap()]).into_response(),
        Some("large") => (status, format!("{number}{}", "x".repeat(100))).into_response(),
        Some("stream") => {
            let parts = ["run ".to_owned(), number.to_string()].map(Ok::<_, std::io::Error>);
            (status, Body::from_stream(futures_util::stream::iter(parts))).into_response()
        }
        _ => (status, format!("run {number}")).into_response(),
    }
}

async fn optional<DB: Backend>(State(shop): Shared<DB>, key: Option<RequestKey>) -> String {
    let number = shop.handled.fetch_add(1, Ordering::Relaxed);
    let key = key.map_or_else(|| "none".to_owned(), |key| key.as_str().to_owned());
    format!("{key}, run {number}")
}

struct Client {
    url: String,
    client: reqwest::Client,
    user: &'static str,
}

/// Status, whether it was given again, and the text.
type Answer = (u16, bool, String);

impl Client {
    /// The same service, for another user.
    fn of(&self, user: &'static str) -> Self {
        Self { url: self.url.clone(), client: self.client.clone(), user }
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        keys: &[&str],
        body: impl Into<reqwest::Body>,
    ) -> reqwest::RequestBuilder {
        let mut request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url));
        if !self.user.is_empty() {
            request = request.header("user", self.user);
        }
        for key in keys {
            request = request.header("Idempotency-Key", *key);
        }
        request.header("content-type", "application/json").body(body)
    }

    async fn post(&self, path: &str, key: &str, order: &str) -> Answer {
        answer(self.request("POST", path, &[key], order.to_owned()).send().await.unwrap()).await
    }
}

async fn answer(response: reqwest::Response) -> Answer {
    let replayed = response.headers().get("idempotency-replayed").map(|value| value.to_str().unwrap().to_owned());
    assert!(matches!(replayed.as_deref(), None | Some("true")), "{replayed:?}");
    (response.status().as_u16(), replayed.is_some(), response.text().await.unwrap())
}

async fn serve<DB: Backend>(db: Db<DB>) -> (Arc<Shop<DB>>, Client) {
    db.migrate().await.unwrap();
    let (gate, inside, [handled, runs]) = (Semaphore::new(0), Notify::new(), [0, 0].map(AtomicU32::new));
    let shop = Arc::new(Shop { db, gate, inside, handled, runs });
    let url = listen(&shop).await;
    (shop, Client { url, client: reqwest::Client::new(), user: "alice" })
}

/// A process of the shop, with a layer of its own.
async fn listen<DB: Backend>(shop: &Arc<Shop<DB>>) -> String {
    let rule = || IdempotencyLayer::on(shop.db.clone(), user).max_payload(1000).max_answer(100);
    let (required, optionally) = (rule().required(), rule().optional());
    let nested = Router::new().route("/orders", post(place::<DB>).layer(required.clone()));
    let router = Router::new()
        .route("/orders", post(place::<DB>).patch(place::<DB>).get(async || "all").layer(required.clone()))
        .route("/any", post(any::<DB>).layer(required))
        .route("/optional", post(optional::<DB>).layer(optionally))
        .route("/no-layer", get(optional::<DB>))
        .nest("/shops/1", nested.clone())
        .nest("/shops/2", nested)
        .with_state(Arc::clone(shop));
    start(router).await
}

/// Where it answers.
async fn start(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    url
}

const TEA: &str = r#"{"item":"tea","number":2}"#;
const SLOW: &str = r#"{"item":"slow","number":1}"#;

#[test]
fn our_errors_are_answers_that_tell_nothing_of_what_is_inside() {
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
        assert_eq!(response.extensions().get(), Some(&NotKept), "none of them is the last word");
        let body = format!("{:?}", response.into_body());
        assert!(!body.contains("secret") && !body.contains("shop"), "{body}");
    }
}
