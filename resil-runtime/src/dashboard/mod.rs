//! A live page of every policy of this process, with controls (feature `dashboard`).
//!
//! What is wrong comes first: circuits that are open, limits that are full, what waits for an operator. Then every policy by name:
//! its state, its rate against the threshold, its window, permits, tokens, budget, the settings in force and where each comes
//! from, and its last ten transitions. The page is one document without anything from elsewhere, and follows the process while it
//! is open; a closed page costs nothing.
//!
//! Mount [`router`] behind a function that says who may see it. Without one there is only [`listen`], which shows the page to this
//! machine and lets nobody act. How to mount it, what each control does, and what protects them is in the page `docs/dashboard.md`.
//!
//! Its controls act on **this process alone**; the page names it.

mod access;
mod control;
mod document;
mod guard;
mod hub;
mod listen;
mod page;
mod process;
mod routes;
mod sample;

pub use access::{Access, Actor};
pub use listen::{Listening, listen};

use access::AnyAccess;
use axum::Router;

/// The page as a router, to be nested wherever the service has its own: `.nest("/resil", resil::dashboard::router(access))`.
///
/// `access` says who sends a request, or that they may not see the page: then the answer is 403. It is asked for everything that is
/// sent, controls included, so a session that has ended acts no more.
///
/// ```
/// use axum::Router;
/// use axum::http::request::Parts;
/// use resil::dashboard::{self, Actor};
///
/// /// What the proxy in front says of whoever has logged in there.
/// async fn access(request: &Parts) -> Option<Actor> {
///     let user = request.headers.get("x-authenticated-user")?.to_str().ok()?;
///     Some(Actor::named(user))
/// }
///
/// let app: Router = Router::new().nest("/resil", dashboard::router(access));
/// ```
///
/// A closure that captures something answers a future of its own:
///
/// ```
/// use axum::http::request::Parts;
/// use resil::dashboard::{self, Actor};
/// # #[derive(Clone)] struct Sessions;
/// # impl Sessions { async fn user(&self, _: Option<String>) -> Option<String> { None } }
/// # let sessions = Sessions;
///
/// let router = dashboard::router(move |request: &Parts| {
///     let sessions = sessions.clone();
///     let cookie = request.headers.get("cookie").and_then(|cookie| cookie.to_str().ok()).map(str::to_owned);
///     async move { sessions.user(cookie).await.map(Actor::named) }
/// });
/// # _ = router as axum::Router;
/// ```
pub fn router<A>(access: A) -> Router
where
    A: for<'a> Access<'a> + 'static,
{
    routes::router(AnyAccess::new(access), None)
}
