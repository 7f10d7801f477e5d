use super::Guarded;
use crate::http::{Error, Transport};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// A policy as a layer around a service with any error: see [`Guard::any_error`](super::Guard::any_error).
#[must_use = "a layer does nothing until it is around a service"]
#[derive(Debug, Clone, Copy)]
pub struct AnyError<P>(pub(super) P);

impl<P: Clone, S> Layer<S> for AnyError<P> {
    type Service = Guarded<P, Transporting<S>>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded::new(self.0.clone(), Transporting(inner))
    }
}

/// A service whose error is made one of [`resil::http::Error`](Error).
#[derive(Debug, Clone)]
pub struct Transporting<S>(S);

impl<S, R> Service<R> for Transporting<S>
where
    S: Service<R>,
    S::Error: Into<Transport>,
{
    type Response = S::Response;
    type Error = Error;
    type Future = Transported<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx).map_err(transport)
    }

    fn call(&mut self, request: R) -> Self::Future {
        Transported { call: self.0.call(request) }
    }
}

fn transport(error: impl Into<Transport>) -> Error {
    Error::Transport(error.into())
}

pin_project! {
    /// A call of [`Transporting`].
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct Transported<F> {
        #[pin]
        call: F,
    }
}

impl<F, T, E> Future for Transported<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Transport>,
{
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().call.poll(cx).map_err(transport)
    }
}
