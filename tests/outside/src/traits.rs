//! Traits: declarations with a body, impls, `#[async_trait]`.

use crate::functions::Answer;
use async_trait::async_trait;
use resil::{circuit_breaker, retry, timeout};
use std::future::Future;

/// A trait of async functions.
pub trait Gateway {
    /// Declared only.
    fn declared(&self, order: u32) -> impl Future<Output = Answer<u32>> + Send;

    /// With a body.
    fn provided(&self) -> impl Future<Output = Answer<u32>> + Send
    where
        Self: Sync;
}

/// A gateway.
#[derive(Debug)]
pub struct Partner;

impl Gateway for Partner {
    #[retry(idempotent)]
    #[circuit_breaker(name = "outside gateway")]
    #[timeout("5s")]
    async fn declared(&self, order: u32) -> Answer<u32> {
        Ok(order)
    }

    #[timeout("5s")]
    fn provided(&self) -> impl Future<Output = Answer<u32>> + Send {
        async move { self.declared(1).await }
    }
}

/// A trait whose default body is guarded.
#[expect(async_fn_in_trait, reason = "one way to write it")]
pub trait Defaulted {
    /// Guarded for every implementor.
    #[retry(idempotent)]
    #[timeout("5s")]
    async fn defaulted(&self) -> Answer<u32> {
        Ok(7)
    }
}

impl Defaulted for Partner {}

/// An object-safe trait.
#[async_trait]
pub trait Boxed: Send + Sync {
    /// Declared only.
    async fn boxed(&self, text: &str, owned: String) -> Answer<String>;

    /// With a body.
    #[timeout("5s")]
    async fn provided(&self) -> Answer<u32> {
        Ok(7)
    }
}

#[async_trait]
impl Boxed for Partner {
    #[retry(idempotent, base = "0ms")]
    #[circuit_breaker]
    #[timeout("5s")]
    async fn boxed(&self, text: &str, owned: String) -> Answer<String> {
        if text.is_empty() {
            return Err(crate::functions::Failed::Busy);
        }
        Ok(format!("{text}{owned}"))
    }
}

/// Called through generics.
///
/// # Errors
///
/// The gateway's.
#[retry(idempotent)]
pub async fn through<G: Gateway + Sync>(gateway: &G) -> Answer<u32> {
    gateway.declared(3).await
}
