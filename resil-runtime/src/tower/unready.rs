//! What a service has failed with before it was called.

use crate::sync::{Mutex, lock};
use std::any::Any;
use tower_service::Service;

/// A service that was asked whether it is ready, or why it is not.
#[derive(Debug)]
pub struct Asked<S, E>(pub(super) Result<S, E>);

impl<S, E> Asked<S, E> {
    /// In one piece, so that a panic of `call` itself is one of the call; and so is the failure before it.
    pub(super) async fn call<R>(self, request: R) -> Result<S::Response, E>
    where
        S: Service<R, Error = E>,
    {
        self.0?.call(request).await
    }
}

/// Kept from `poll_ready` to the call, which fails of it: there the policies see it. Of any type, since a service has an error for each
/// type of request; a clone has asked nobody.
#[derive(Debug, Default)]
pub(super) struct Unready(Mutex<Option<Box<dyn Any + Send>>>);

impl Unready {
    pub(super) fn keep<E: Send + 'static>(&self, error: E) {
        *lock(&self.0) = Some(Box::new(error));
    }

    pub(super) fn take<E: 'static>(&self) -> Option<E> {
        let kept = lock(&self.0).take()?;
        kept.downcast().ok().map(|error| *error)
    }
}

impl Clone for Unready {
    fn clone(&self) -> Self {
        Self::default()
    }
}
