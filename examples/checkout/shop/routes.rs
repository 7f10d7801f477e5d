//! The shop's HTTP side.

use super::Shop;
use super::compare;
use super::orders::{self, NewOrder, Placed};
use super::trouble::Trouble;
use crate::books::Books;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use resil::RequestKey;
use resil::http::IdempotencyLayer;
use serde::Serialize;
use serde_json::json;

pub fn router<DB: Books>(shop: Shop<DB>) -> Router {
    let once = IdempotencyLayer::on(shop.db.clone(), Customer::of).required();
    Router::new()
        .route("/orders", post(place::<DB>).layer(once))
        .route("/orders/{id}", get(order::<DB>).delete(withdraw::<DB>))
        .route("/stock", get(stock::<DB>))
        .route("/books", get(books::<DB>))
        .with_state(shop)
}

/// Who has signed in, as the proxy in front of the shop says.
struct Customer(String);

impl Customer {
    fn of(parts: &Parts) -> Option<String> {
        parts.headers.get("customer")?.to_str().ok().filter(|name| !name.is_empty()).map(str::to_owned)
    }
}

impl<S: Sync> FromRequestParts<S> for Customer {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, StatusCode> {
        Self::of(parts).map(Self).ok_or(StatusCode::UNAUTHORIZED)
    }
}

/// Answers at once: what has been promised is in the database, and is finished asynchronously.
async fn place<DB: Books>(
    State(shop): State<Shop<DB>>,
    Customer(customer): Customer,
    key: RequestKey,
    Json(new): Json<NewOrder>,
) -> Result<(StatusCode, Json<Placed>), Trouble> {
    Ok((StatusCode::ACCEPTED, Json(orders::place(&shop, &key.of(customer), &new).await?)))
}

async fn withdraw<DB: Books>(State(shop): State<Shop<DB>>, Path(id): Path<i64>) -> Result<StatusCode, Trouble> {
    orders::withdraw(&shop, id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// The order, and every step of its payment so far.
async fn order<DB: Books>(State(shop): State<Shop<DB>>, Path(id): Path<i64>) -> Result<Response, Trouble> {
    let order = DB::order(&shop.db, id).await?.ok_or(Trouble::NoSuchOrder)?;
    let intent = match order.intent.parse() {
        Ok(intent) => shop.ledger.find(intent).await?,
        Err(_) => None,
    };
    let payment = intent.map(|intent| {
        let history: Vec<_> = intent.history.to_string().lines().map(str::to_owned).collect();
        json!({ "state": intent.state.to_string(), "history": history })
    });
    let (item, won, state, why) = (order.item, order.won, order.state, order.why);
    pretty(&json!({ "order": id, "item": item, "won": won, "state": state, "why": why, "payment": payment }))
}

/// A query that has nothing to do with any partner.
async fn stock<DB: Books>(State(shop): State<Shop<DB>>) -> Result<Response, Trouble> {
    pretty(&DB::stock(&shop.db).await?)
}

/// Our book and the partner's, side by side.
async fn books<DB: Books>(State(shop): State<Shop<DB>>) -> Result<Response, Trouble> {
    pretty(&compare::books(&shop).await?)
}

/// JSON for people.
fn pretty(answer: &impl Serialize) -> Result<Response, Trouble> {
    let text = serde_json::to_string_pretty(answer).map_err(|error| Trouble::Unreadable(error.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/json")], text + "\n").into_response())
}
