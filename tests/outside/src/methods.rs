//! Methods.

use crate::functions::Answer;
use resil::{circuit_breaker, retry, timeout};
use std::sync::Arc;

/// Has methods.
#[derive(Debug, Default)]
pub struct Service<T> {
    calls: u32,
    value: T,
}

impl<T: Clone + Send + Sync> Service<T> {
    /// Shared.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[retry(idempotent)]
    #[circuit_breaker]
    #[timeout("5s")]
    pub async fn shared(&self) -> Answer<&T> {
        Ok(&self.value)
    }

    /// Exclusive, lent to each attempt anew.
    ///
    /// # Errors
    ///
    /// Fails the first time.
    #[retry(idempotent, base = "0ms")]
    #[circuit_breaker]
    #[timeout("5s")]
    pub async fn exclusive(&mut self) -> Answer<u32> {
        self.calls += 1;
        if self.calls == 1 {
            return Err(crate::functions::Failed::Busy);
        }
        Ok(self.calls)
    }

    /// Through an `Arc`.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[retry(idempotent)]
    #[timeout("5s")]
    pub async fn counted(self: Arc<Self>) -> Answer<T> {
        Ok(self.value.clone())
    }

    /// Consumes itself.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[circuit_breaker]
    #[timeout("5s")]
    pub async fn consumed(self) -> Answer<T> {
        Ok(self.value)
    }

    /// Without a receiver.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[retry(idempotent)]
    pub async fn associated(value: &T) -> Answer<Self> {
        Ok(Self { calls: 0, value: value.clone() })
    }
}
