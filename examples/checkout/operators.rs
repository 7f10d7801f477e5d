//! Who may see the page of all policies, and open and close circuits on it.

use crate::Failed;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use resil::dashboard::{self, Actor};
use std::sync::Arc;

const VARIABLE: &str = "CHECKOUT_OPERATORS";

/// `CHECKOUT_OPERATORS=anna:her-secret,bert:his-secret`: browsers ask for name and secret, and `curl --user` gives them. A real shop
/// asks whoever signs its people in.
#[derive(Clone)]
pub struct Operators(Arc<[Operator]>);

struct Operator {
    name: String,
    /// The header that proves it.
    sends: String,
}

impl Operators {
    /// Those of the environment, if it names any.
    pub fn told() -> Result<Option<Self>, Failed> {
        let Ok(told) = std::env::var(VARIABLE) else { return Ok(None) };
        let operator = |pair: &str| match pair.split_once(':') {
            Some((name, secret)) if !name.is_empty() && !secret.is_empty() => {
                Ok(Operator { name: name.to_owned(), sends: format!("Basic {}", BASE64_STANDARD.encode(pair)) })
            }
            // Without the text itself, which is a secret.
            _ => Err(format!("{VARIABLE}: write `name:secret`, and a comma before the next one")),
        };
        Ok(Some(Self(told.split(',').map(operator).collect::<Result<_, _>>()?)))
    }

    fn of(&self, headers: &HeaderMap) -> Option<Actor> {
        let sent = headers.get(AUTHORIZATION)?.as_bytes();
        let known = self.0.iter().find(|operator| is_same(operator.sends.as_bytes(), sent))?;
        Some(Actor::named(&*known.name))
    }

    /// The page, and `state.json` beside it.
    pub fn page(self) -> Router {
        let asked = self.clone();
        dashboard::router(move |request: &Parts| std::future::ready(self.of(&request.headers))).layer(
            middleware::from_fn(move |request: Request, next: Next| {
                let is_known = asked.of(request.headers()).is_some();
                async move {
                    if is_known {
                        return next.run(request).await;
                    }
                    // So that a browser asks.
                    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Basic realm=\"checkout\"")]).into_response()
                }
            }),
        )
    }
}

/// Takes as long wherever they differ, so that nobody finds a secret letter by letter.
fn is_same(known: &[u8], sent: &[u8]) -> bool {
    known.len() == sent.len() && known.iter().zip(sent).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
