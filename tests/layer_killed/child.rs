//! The server that dies.

use crate::books::Books;
use crate::killed;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Router, serve};
use resil::http::IdempotencyLayer;
use resil::{Db, Error, Once, RequestKey};
use std::collections::HashSet;
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tokio::net::TcpListener;

/// `database address place`
pub const ORDERS: &str = "RESIL_TEST_LAYER_CHILD";
/// An order of this is answered 503 the first time that a server has placed it.
pub const BROKEN: &str = "broken";

static DIES_AT: OnceLock<u32> = OnceLock::new();
static PLACES: AtomicU32 = AtomicU32::new(0);

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("a pipe");
}

/// A place between two things that last.
fn place(name: &str) {
    if DIES_AT.get() == Some(&PLACES.fetch_add(1, Ordering::Relaxed)) {
        say(&format!("at {name}"));
        // Whoever reads this ends us.
        loop {
            std::thread::park();
        }
    }
}

pub fn run(orders: &str) {
    let words: Vec<_> = orders.split(' ').collect();
    let [database, address, at] = words[..] else { panic!("{orders}") };
    if let Ok(at) = at.parse() {
        _ = DIES_AT.set(at);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        match database {
            "sqlite" => listen(killed::sqlite(address).await).await,
            _ => listen(killed::postgres(address).await).await,
        }
    });
}

struct Shop<DB: Books> {
    db: Db<DB>,
    /// Which broken orders were answered 503.
    told: Mutex<HashSet<String>>,
}

fn user(parts: &Parts) -> Option<String> {
    parts.headers.get("user").and_then(|name| name.to_str().ok()).map(str::to_owned)
}

async fn listen<DB: Books>(db: Db<DB>) {
    let layer = IdempotencyLayer::on(db.clone(), user).required();
    let shop = Arc::new(Shop { db, told: Mutex::default() });
    let routes = Router::new().route("/orders", post(order::<DB>).layer(layer).layer(from_fn(around))).with_state(shop);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    say(&format!("listens {}", listener.local_addr().unwrap()));
    serve(listener, routes).await.unwrap();
}

/// Around the layer.
async fn around(request: Request, next: Next) -> Response {
    place("before the layer");
    let response = next.run(request).await;
    place("before the answer leaves");
    response
}

async fn order<DB: Books>(
    State(shop): State<Arc<Shop<DB>>>,
    headers: HeaderMap,
    key: RequestKey,
    item: String,
) -> Response {
    place("before the handler");
    let owner = headers.get("user").and_then(|name| name.to_str().ok()).unwrap_or_default();
    let once = Once::of("order.place", key.of(owner)).argument(&item);
    let placed = shop.db.once(once, async |tx| {
        let number = DB::place(tx, owner, key.as_str(), &item).await?;
        place("before the commit");
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(number)
    });
    let placed = placed.await;
    place("after the commit");
    match placed {
        Ok(_) if item == BROKEN && shop.told.lock().unwrap().insert(format!("{owner} {}", key.as_str())) => {
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Ok(number) => (StatusCode::CREATED, number.to_string()).into_response(),
        Err(error) => match error.downcast::<Error>() {
            Ok(error) => error.into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
    }
}
