use super::Guarded;
use pin_project_lite::pin_project;
use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Any error, as tower's own layers have it.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// A policy as a layer around a service with any error: see [`Guard::any_error`](super::Guard::any_error).
#[must_use = "a layer does nothing until it is around a service"]
#[derive(Debug, Clone, Copy)]
pub struct AnyError<P>(pub(super) P);

impl<P: Clone, S> Layer<S> for AnyError<P> {
    type Service = Guarded<P, Boxing<S>>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded::new(self.0.clone(), Boxing(inner))
    }
}

/// A service whose error is a [`BoxError`].
#[derive(Debug, Clone)]
pub struct Boxing<S>(S);

impl<S, R> Service<R> for Boxing<S>
where
    S: Service<R>,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Boxed<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: R) -> Self::Future {
        Boxed { call: self.0.call(request) }
    }
}

pin_project! {
    /// A call of [`Boxing`].
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct Boxed<F> {
        #[pin]
        call: F,
    }
}

impl<F, T, E> Future for Boxed<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().call.poll(cx).map_err(Into::into)
    }
}
