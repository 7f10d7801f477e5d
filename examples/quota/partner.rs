//! The partner: it counts, and answers 429 to what is more than its quota.

use crate::{Failed, QUOTA};
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Ended when it is dropped.
pub struct Partner {
    url: String,
    serving: JoinHandle<std::io::Result<()>>,
}

/// How many calls there were in this second. The first call begins the first second.
#[derive(Default)]
struct Book {
    since: OnceLock<Instant>,
    second: Mutex<(u64, u32)>,
}

impl Book {
    fn has_room(&self) -> bool {
        let now = self.since.get_or_init(Instant::now).elapsed().as_secs();
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if second.0 != now {
            *second = (now, 0);
        }
        second.1 += 1;
        second.1 <= QUOTA
    }
}

async fn quote(State(book): State<Arc<Book>>) -> impl IntoResponse {
    if book.has_room() { Ok("1385.00") } else { Err((http::StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")])) }
}

impl Partner {
    pub async fn start() -> Result<Self, Failed> {
        let book = Arc::<Book>::default();
        let router = Router::new().route("/quote", get(quote)).with_state(book);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/quote", listener.local_addr()?);
        Ok(Self { url, serving: tokio::spawn(async move { axum::serve(listener, router).await }) })
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for Partner {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
