use super::{Bulkhead, Until};
use crate::Failure;
use crate::context::Carried;
use crate::failure::Fallible;
use crate::policy::attempt::Attempt;
use std::future::Future;

impl<F> Attempt<'_, F> {
    /// Runs the body on a thread of this bulkhead. Its deadline, its proof of idempotency and its `tracing` span go
    /// along; its bounds are enforced here, on the caller's side, and the attempt's counts from where the body begins.
    ///
    /// Answers [`Error::BulkheadFull`](crate::Error::BulkheadFull) if there was no place in the queue, or if its turn
    /// or a thread did not come in time; [`Error::BulkheadClosed`](crate::Error::BulkheadClosed) after a shutdown;
    /// [`Error::Panicked`](crate::Error::Panicked) if the body panicked.
    ///
    /// Dropping it ends the body at its next await. A body that blocks its thread runs on until it returns, and keeps
    /// its place until then.
    ///
    /// # Errors
    ///
    /// The body's own, or one of the above.
    pub async fn on<T, E>(mut self, bulkhead: &Bulkhead) -> Result<T, Failure<E>>
    where
        F: Future + Send + 'static,
        F::Output: Fallible<Ok = T, Err = E> + Send + 'static,
    {
        if let Some(refusal) = self.begin() {
            return Err(Failure::Policy(refusal));
        }
        let carried = self.enter(Carried::here);
        let deadline = self.deadline();
        let (body, attempt) = self.split();
        // Only one that was polled before can have been cut off.
        let Some(body) = body else { return std::future::pending().await };
        // On the heap from here on, where its task will be: the caller's future stays small.
        let body = Box::pin(body);
        let pool = bulkhead.pool().map_err(Failure::Policy)?;
        let until = Until::new(pool.max_wait.time(), deadline);
        let place = pool.enter(&until).await.map_err(Failure::Policy)?;
        let running = place.begin(body, carried, &until).await.map_err(Failure::Policy)?;
        attempt.with(running).await
    }
}
