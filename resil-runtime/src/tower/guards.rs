//! What each policy does around one call.

use super::{Asked, Guard, Refuses, Static};
use crate::failure::HttpStatus;
use crate::policy::rate_limit::Following;
use crate::policy::semaphore::Priority;
use crate::{Attempt, CircuitBreaker, Classify, Failure, RateLimit, Semaphore, Timeout, Verdict};
use http::Request;
use http::request::Parts;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use tower_service::Service;

/// A policy around the calls of a service `S` with a request `R`.
///
/// A circuit breaker and a rate limit ask what the outcome means: the error is [`Classify`], the answer [`HttpStatus`].
pub trait Guards<S: Service<R>, R>: Clone + Send + 'static {
    /// One call of this service.
    fn guard(self, service: Asked<S, S::Error>, request: R) -> impl Future<Output = Outcome<S, R>> + Send;
}

type Outcome<S, R> = Result<<S as Service<R>>::Response, Failure<<S as Service<R>>::Error>>;

fn verdict<T: HttpStatus, E: Classify>(outcome: &Result<T, E>) -> Option<Verdict> {
    match outcome {
        Ok(answer) => answer.status_verdict(),
        Err(error) => Some(error.verdict()),
    }
}

impl<S, R> Guards<S, R> for Static<CircuitBreaker>
where
    S: Service<R, Response: HttpStatus + Send, Error: Classify + Send, Future: Send> + Send,
    R: Send,
{
    async fn guard(self, service: Asked<S, S::Error>, request: R) -> Outcome<S, R> {
        let pass = self.0.admit().map_err(Failure::Policy)?;
        let outcome = Attempt::new(service.call(request)).await;
        pass.record(verdict(&outcome));
        outcome
    }
}

impl<S, R> Guards<S, R> for Static<Semaphore>
where
    S: Service<R, Response: Send, Error: Send, Future: Send> + Send,
    R: Send,
{
    async fn guard(self, service: Asked<S, S::Error>, request: R) -> Outcome<S, R> {
        let _permit = self.0.acquire().await.map_err(Failure::Policy)?;
        service.call(request).await.map_err(Failure::Call)
    }
}

impl<S, R> Guards<S, R> for Static<RateLimit>
where
    S: Service<R, Response: HttpStatus + Send, Error: Classify + Refuses<S::Response> + Send, Future: Send> + Send,
    R: Send,
{
    async fn guard(self, service: Asked<S, S::Error>, request: R) -> Outcome<S, R> {
        let turn = self.0.acquire().await.map_err(Failure::Policy)?;
        let call = service.call(request);
        if S::Error::SERVES {
            // A partner of one handler does not pause all others.
            return Following::unheard(call).await.map_err(Failure::Call);
        }
        let outcome = turn.follow(call).await;
        turn.heed(verdict(&outcome));
        outcome.map_err(Failure::Call)
    }
}

impl<S, R> Guards<S, R> for Static<Timeout>
where
    S: Service<R, Response: Send, Error: Send, Future: Send> + Send,
    R: Send,
{
    async fn guard(self, service: Asked<S, S::Error>, request: R) -> Outcome<S, R> {
        self.0.apply(service.call(request)).await
    }
}

/// A semaphore that sheds what is less important first: see [`Guard::priority`].
pub struct Prioritised<F> {
    semaphore: &'static Semaphore,
    priority: Arc<F>,
}

impl Guard<Static<Semaphore>> {
    /// Sheds what is less important first: some permits are kept free for what is more important. `priority` says what a request
    /// is.
    ///
    /// | priority | is let in while |
    /// |---|---|
    /// | [`Priority::High`] | a permit is free |
    /// | [`Priority::Normal`] | more than a tenth of the permits are free |
    /// | [`Priority::Low`] | more than half of the permits are free |
    ///
    /// The parts are rounded up, and the last permit is anybody's, so that none is never served. Only the important wait, up to
    /// `max_wait`; the others are refused at once, also while somebody waits.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::{Router, routing::get};
    /// use resil::Semaphore;
    /// use resil::tower::Priority;
    ///
    /// static REQUESTS: Semaphore = Semaphore::new(200).name("all requests");
    ///
    /// let sheds = REQUESTS.layer().priority(|request| match request.uri.path() {
    ///     "/health" => Priority::High,
    ///     path if path.starts_with("/export/") => Priority::Low,
    ///     _ => Priority::Normal,
    /// });
    /// let service: Router = Router::new().route("/health", get(async || "well")).layer(sheds);
    /// # }
    /// ```
    pub fn priority<F>(self, priority: F) -> Guard<Prioritised<F>>
    where
        F: Fn(&Parts) -> Priority + Send + Sync + 'static,
    {
        Guard(Prioritised { semaphore: self.0.0, priority: Arc::new(priority) })
    }
}

impl<F, S, B> Guards<S, Request<B>> for Prioritised<F>
where
    F: Fn(&Parts) -> Priority + Send + Sync + 'static,
    S: Service<Request<B>, Response: Send, Error: Send, Future: Send> + Send,
    B: Send,
{
    async fn guard(self, service: Asked<S, S::Error>, request: Request<B>) -> Outcome<S, Request<B>> {
        let (parts, body) = request.into_parts();
        let _permit = match (self.priority)(&parts) {
            Priority::High => self.semaphore.acquire().await,
            less => self.semaphore.acquire_unless_reserved(less),
        }
        .map_err(Failure::Policy)?;
        service.call(Request::from_parts(parts, body)).await.map_err(Failure::Call)
    }
}

impl<F> Clone for Prioritised<F> {
    fn clone(&self) -> Self {
        Self { semaphore: self.semaphore, priority: Arc::clone(&self.priority) }
    }
}

impl<F> fmt::Debug for Prioritised<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prioritised").field("semaphore", &self.semaphore).finish_non_exhaustive()
    }
}
