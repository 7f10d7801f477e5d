//! The partner: an HTTP service that charges, and behaves as badly as it is told. Its book survives it.

pub mod book;
pub mod mood;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use book::{Book, Charge, Payment};
use mood::{Change, Mood, Of, Told};
use resil::RequestKey;
use serde::Deserialize;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

/// How late a late payment is, counted from when the client left. Less than `settle` of the shop's operation.
const LATE: Duration = Duration::from_millis(400);
const SLOW: Duration = Duration::from_millis(700);

struct Partner {
    book: Book,
    told: Told,
    waiting: AtomicUsize,
}

pub async fn serve(listener: TcpListener, book: Book, seed: u64) -> std::io::Result<()> {
    let partner = Arc::new(Partner { book, told: Told::new(seed), waiting: AtomicUsize::new(0) });
    let router = Router::new()
        .route("/payments", post(pay).get(list))
        .route("/payments/{key}", get(status))
        .route("/payments/{key}/cancel", post(cancel))
        .route("/mood", post(change).get(waiting))
        .with_state(partner);
    axum::serve(listener, router).await
}

type Answer = Result<Response, Broken>;

/// Our own book cannot be written.
struct Broken(sqlx::Error);

impl From<sqlx::Error> for Broken {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Broken {
    fn into_response(self) -> Response {
        eprintln!("the partner's book: {}", self.0);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// A request that waits for its answer.
struct Waiting(Arc<Partner>);

impl Waiting {
    fn at(partner: &Arc<Partner>) -> Self {
        partner.waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(partner))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The shop's own key: other shops of a real partner would have theirs beside it.
async fn pay(State(partner): State<Arc<Partner>>, key: RequestKey, Json(charge): Json<Charge>) -> Answer {
    let _waiting = Waiting::at(&partner);
    let book = &partner.book;
    let mut forgets = false;
    match partner.told.next(Of::Payments) {
        // Who has charged under this key does not refuse it.
        Mood::Refuse if book.find(key.as_str()).await?.is_none() => {
            return Ok(StatusCode::PAYMENT_REQUIRED.into_response());
        }
        Mood::Down => return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response()),
        Mood::TimeOut => return pending().await,
        Mood::ApplyThenTimeOut => {
            book.charge(key.as_str(), charge, false).await?;
            return pending().await;
        }
        Mood::ApplyLate => {
            let _left = Left { book: book.clone(), key, charge };
            return pending().await;
        }
        Mood::ApplyThenFail => {
            book.charge(key.as_str(), charge, false).await?;
            return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        }
        mood @ (Mood::Duplicate | Mood::ForgetKeys) => {
            forgets = mood == Mood::ForgetKeys;
            book.charge(key.as_str(), charge, forgets).await?;
        }
        Mood::Slow => tokio::time::sleep(SLOW).await,
        Mood::Hold => partner.told.changes().await,
        Mood::Ok | Mood::Any | Mood::Refuse => {}
    }
    Ok(answer(book.charge(key.as_str(), charge, forgets).await?))
}

fn answer(payment: Option<Payment>) -> Response {
    match payment {
        Some(payment) if payment.is_charged() => Json(payment).into_response(),
        Some(_) => (StatusCode::CONFLICT, "it was cancelled").into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A request whose client has left when this is dropped. It is still on its way.
struct Left {
    book: Book,
    key: RequestKey,
    charge: Charge,
}

impl Drop for Left {
    fn drop(&mut self) {
        let (book, key, charge) = (self.book.clone(), self.key.clone(), self.charge);
        tokio::spawn(async move {
            tokio::time::sleep(LATE).await;
            if let Err(error) = book.charge(key.as_str(), charge, false).await {
                eprintln!("the partner's book: {error}");
            }
        });
    }
}

async fn status(State(partner): State<Arc<Partner>>, Path(key): Path<String>) -> Answer {
    if let Some(trouble) = trouble(&partner, Of::Status).await {
        return Ok(trouble);
    }
    Ok(match partner.book.find(&key).await? {
        Some(payment) => Json(payment).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

async fn cancel(State(partner): State<Arc<Partner>>, Path(key): Path<String>) -> Answer {
    if let Some(trouble) = trouble(&partner, Of::Cancel).await {
        return Ok(trouble);
    }
    let known = partner.book.cancel(&key).await?;
    Ok(if known { StatusCode::OK } else { StatusCode::NOT_FOUND }.into_response())
}

async fn trouble(partner: &Partner, of: Of) -> Option<Response> {
    match partner.told.next(of) {
        Mood::TimeOut => pending().await,
        Mood::Down => Some(StatusCode::SERVICE_UNAVAILABLE.into_response()),
        _ => None,
    }
}

/// A part of the book: what was charged from one time to another, both in milliseconds since 1970.
#[derive(Deserialize)]
struct Period {
    #[serde(default)]
    from: i64,
    to: Option<i64>,
}

async fn list(State(partner): State<Arc<Partner>>, Query(period): Query<Period>) -> Answer {
    let payments = partner.book.list(period.from, period.to.unwrap_or(i64::MAX)).await?;
    Ok(Json(payments).into_response())
}

async fn change(State(partner): State<Arc<Partner>>, Json(change): Json<Change>) -> StatusCode {
    partner.told.change(change);
    StatusCode::NO_CONTENT
}

/// How many payments wait for their answer.
async fn waiting(State(partner): State<Arc<Partner>>) -> String {
    partner.waiting.load(Ordering::Relaxed).to_string()
}
