use super::unready::{Asked, Unready};
use super::{AnyError, Guards, Refuses};
use crate::{CircuitBreaker, Failure, RateLimit, Semaphore, Timeout};
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// A policy as a layer: what `.layer()` answers. Clones share the policy.
#[must_use = "a layer does nothing until it is around a service"]
#[derive(Debug, Clone, Copy)]
pub struct Guard<P>(pub(super) P);

/// A handle that is a static.
// A type of its own, since rustc asks of a reference in a spawned future whether any lifetime would do.
#[derive(Debug)]
pub struct Static<P: 'static>(pub(super) &'static P);

impl<P> Clone for Static<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Static<P> {}

impl<P> Guard<P> {
    /// The same for a service whose error is another crate's, such as a client of hyper's or a channel of tonic's, or boxed: it
    /// becomes a [`resil::http::Error`](crate::http::Error), which holds it as `Transport`, or a refusal as `Policy`. What it means
    /// is read from its chain of sources.
    ///
    /// ```
    /// # #[cfg(feature = "reqwest")] {
    /// use resil::CircuitBreaker;
    /// use tower_layer::Layer as _;
    /// use tower_service::Service;
    ///
    /// static STOCK: CircuitBreaker = CircuitBreaker::named("stock");
    ///
    /// fn guarded(client: reqwest::Client) -> impl Service<reqwest::Request, Error = resil::http::Error> {
    ///     STOCK.layer().any_error().layer(client)
    /// }
    /// # }
    /// ```
    pub fn any_error(self) -> AnyError<P> {
        AnyError(self.0)
    }
}

impl<P: Clone, S> Layer<S> for Guard<P> {
    type Service = Guarded<P, S>;

    fn layer(&self, inner: S) -> Guarded<P, S> {
        Guarded::new(self.0.clone(), inner)
    }
}

/// A service under a policy.
#[derive(Debug, Clone)]
pub struct Guarded<P, S> {
    policy: P,
    inner: S,
    unready: Unready,
}

impl<P, S> Guarded<P, S> {
    pub(super) fn new(policy: P, inner: S) -> Self {
        Self { policy, inner, unready: Unready::default() }
    }
}

impl<P, S, R> Service<R> for Guarded<P, S>
where
    P: Guards<S, R>,
    S: Service<R> + Clone + Send + 'static,
    S::Error: Refuses<S::Response> + Send,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if let Err(error) = ready!(self.inner.poll_ready(cx)) {
            self.unready.keep(error);
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        // The one that was ready answers, and the clone waits for its turn.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let policy = self.policy.clone();
        let service = Asked(self.unready.take().map_or(Ok(inner), Err));
        Box::pin(async move {
            match policy.guard(service, request).await {
                Ok(answer) => Ok(answer),
                Err(Failure::Call(error)) => Err(error),
                Err(Failure::Policy(error)) => S::Error::refuse(error),
                Err(Failure::Panic(panic)) => resume_unwind(panic),
            }
        })
    }
}

impl CircuitBreaker {
    /// This breaker as a layer, judged by the error of the service, or the status of its answer.
    ///
    /// See [`resil::tower`](crate::tower).
    pub const fn layer(&'static self) -> Guard<Static<Self>> {
        Guard(Static(self))
    }
}

impl Semaphore {
    /// This semaphore as a layer: each call has a permit until its answer begins.
    ///
    /// See [`resil::tower`](crate::tower), and [`priority`](Guard::priority).
    pub const fn layer(&'static self) -> Guard<Static<Self>> {
        Guard(Static(self))
    }
}

impl RateLimit {
    /// This rate limit as a layer. It follows what the answers of a partner ask for, `Retry-After` and `RateLimit`; those of a
    /// service that cannot fail are our own, and not followed. Nor is what the partners of such a service ask for: it is for the limit
    /// nearest around the call to that partner.
    ///
    /// See [`resil::tower`](crate::tower).
    pub const fn layer(&'static self) -> Guard<Static<Self>> {
        Guard(Static(self))
    }
}

impl Timeout {
    /// These bounds as a layer, on the time until an answer begins.
    ///
    /// See [`resil::tower`](crate::tower).
    pub const fn layer(&'static self) -> Guard<Static<Self>> {
        Guard(Static(self))
    }
}
