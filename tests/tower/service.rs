//! A service of a function, which minds whether it was asked before it is called.

use std::future::poll_fn;
use std::task::{Context, Poll};
use tower_service::Service;

pub struct Of<F> {
    function: F,
    is_ready: bool,
}

pub fn of<F>(function: F) -> Of<F> {
    Of { function, is_ready: false }
}

/// As those of tower's limits: a clone has nothing of what the other was given by `poll_ready`.
impl<F: Clone> Clone for Of<F> {
    fn clone(&self) -> Self {
        of(self.function.clone())
    }
}

impl<R, T, E, F, Answering> Service<R> for Of<F>
where
    F: FnMut(R) -> Answering,
    Answering: Future<Output = Result<T, E>>,
{
    type Response = T;
    type Error = E;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Answering {
        assert!(std::mem::take(&mut self.is_ready), "called before it was ready");
        (self.function)(request)
    }
}

/// One call, as whoever keeps to the contract makes it.
pub async fn call<S: Service<R>, R>(service: &mut S, request: R) -> Result<S::Response, S::Error> {
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}
