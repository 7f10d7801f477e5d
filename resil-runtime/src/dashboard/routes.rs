//! What is answered to whom.

use super::access::{Actor, AnyAccess};
use super::control::Act;
use super::guard::{Refusal, is_local, is_same_site, is_token};
use super::hub::{Hub, Open};
use super::page::{Start, page, policy};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// More than any act needs.
const LONGEST_BODY: usize = 64 * 1024;
const TOKEN: HeaderName = HeaderName::from_static("x-resil-token");

pub(super) struct Served {
    access: AnyAccess,
    /// Where it is for this machine alone.
    open: Option<Open>,
    hub: Arc<Hub>,
    /// Known to the pages that this process gives to those who may act.
    token: String,
}

/// Until it is open no more, it is for this machine alone; without that, for whoever has access.
pub(super) fn router(access: AnyAccess, open: Option<Open>) -> Router {
    let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let served = Served { access, open, hub: Arc::new(Hub::new()), token };
    Router::new()
        .route("/", get(whole))
        .route("/state.json", get(state))
        .route("/events", get(events))
        .route("/act", post(act))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(Arc::new(served))
}

type Answer = Result<Response, Refusal>;

async fn whole(State(served): State<Arc<Served>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let actor = served.who(&parts).await?;
    let nonce = Uuid::new_v4().simple().to_string();
    let start = Start { token: actor.acts().then_some(&*served.token), actor: actor.name() };
    let mut answer = answer("text/html; charset=utf-8", page(&start, &nonce));
    if let Ok(policy) = HeaderValue::from_str(&policy(&nonce)) {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    Ok(answer)
}

async fn state(State(served): State<Arc<Served>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    is_same_site(&parts)?;
    served.who(&parts).await?;
    Ok(answer("application/json", served.hub.look().to_json(None)))
}

async fn events(State(served): State<Arc<Served>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    is_same_site(&parts)?;
    served.who(&parts).await?;
    let mut answer = answer("text/event-stream", served.hub.stream(served.open.clone()));
    // Nginx would keep events until there are many.
    answer.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(answer)
}

async fn act(State(served): State<Arc<Served>>, parts: Parts, body: Bytes) -> Answer {
    is_same_site(&parts)?;
    let actor = served.who(&parts).await?;
    if !actor.acts() {
        return Err(Refusal::Viewer);
    }
    let token = parts.headers.get(TOKEN).map_or(&b""[..], HeaderValue::as_bytes);
    if !is_token(token, served.token.as_bytes()) {
        return Err(Refusal::Token);
    }
    let answer_of = |status: StatusCode, body: serde_json::Value| {
        let mut answer = answer("application/json", body.to_string());
        *answer.status_mut() = status;
        answer
    };
    let act: Act = match serde_json::from_slice(&body) {
        Ok(act) => act,
        Err(error) => return Ok(answer_of(StatusCode::BAD_REQUEST, json!({ "error": error.to_string() }))),
    };
    Ok(match act.by(&actor) {
        Ok(changes) => answer_of(StatusCode::OK, json!({ "changes": changes })),
        Err(error) => answer_of(StatusCode::CONFLICT, json!({ "error": error.to_string() })),
    })
}

impl Served {
    async fn who(&self, parts: &Parts) -> Result<Actor, Refusal> {
        if self.open.is_some() {
            is_local(parts)?;
        }
        self.access.ask(parts).await.ok_or(Refusal::Nobody)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = answer("text/plain; charset=utf-8", self.words());
        *answer.status_mut() = self.status();
        answer
    }
}

/// Nothing of it is kept, framed, or taken for something else.
fn answer(kind: &'static str, body: impl Into<Body>) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (HeaderMap::from_iter(headers), body.into()).into_response()
}
