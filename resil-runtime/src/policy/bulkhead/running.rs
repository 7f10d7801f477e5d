use super::Pool;
use crate::failure::Fallible;
use crate::{Error, Failure};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::task::JoinHandle;

/// The caller's side of a call that has begun in a bulkhead. Dropping it ends the call at its next await.
#[derive(Debug)]
pub(super) struct Running<T> {
    pool: Arc<Pool>,
    task: JoinHandle<Option<T>>,
}

impl<T> Running<T> {
    pub(super) fn new(pool: Arc<Pool>, task: JoinHandle<Option<T>>) -> Self {
        Self { pool, task }
    }
}

impl<T> Future for Running<T> {
    type Output = Returned<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Returned<T>> {
        let returned = ready!(Pin::new(&mut self.task).poll(cx));
        let pool = &self.pool;
        Poll::Ready(Returned(match returned {
            Ok(Some(result)) => Ok(result),
            Err(error) if error.is_panic() => Err(pool.panicked()),
            Ok(None) | Err(_) => Err(pool.closed(true)),
        }))
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What comes back from a bulkhead: the call's own result, or why there is none.
#[derive(Debug)]
pub(super) struct Returned<T>(Result<T, Error>);

impl<T: Fallible> Fallible for Returned<T> {
    type Ok = T::Ok;
    type Err = T::Err;

    fn into_outcome(self) -> Result<T::Ok, Failure<T::Err>> {
        self.0.map_err(Failure::Policy)?.into_outcome()
    }
}
