use axum::response::IntoResponse;
use resil::{circuit_breaker, retry, timeout};
use std::fmt::Display;

#[timeout("5s")]
async fn handler() -> impl IntoResponse {
    "done"
}

#[retry(idempotent)]
#[circuit_breaker]
async fn displayed() -> impl Display + Send {
    "done"
}

fn main() {}
