//! Futures that carry in their type what a call does, and what an expansion asks of a future before it is awaited.

mod awaited;
pub(crate) mod parameter;

pub use awaited::{Awaiting, InTransaction, UnderFallback, UnderRetry, Unmarked};
pub use parameter::{OtherParameter, TransactionParameter, parameter};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

macro_rules! mark {
    ($(#[$doc:meta])* $mark:ident) => {
        pin_project! {
            $(#[$doc])*
            #[must_use = "futures do nothing unless awaited"]
            #[derive(Debug, Clone)]
            pub struct $mark<F> {
                #[pin]
                call: F,
            }
        }

        impl<F> $mark<F> {
            /// Marks this call.
            #[inline]
            pub const fn new(call: F) -> Self {
                Self { call }
            }
        }

        impl<F: Future> Future for $mark<F> {
            type Output = F::Output;

            #[inline]
            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
                self.project().call.poll(cx)
            }
        }
    };
}

mark! {
    /// The future of an operation that must not be repeated: what a function under `#[non_idempotent]` returns.
    ///
    /// It is the function's own future, awaited, spawned and dropped as before. Only its type says more: a body under
    /// `#[retry(idempotent)]` that awaits one does not compile.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use resil::NonIdempotent;
    ///
    /// fn charge(won: u64) -> NonIdempotent<impl Future<Output = u64>> {
    ///     NonIdempotent::new(async move { won })
    /// }
    /// assert_eq!(charge(5_000).await, 5_000);
    /// # }
    /// ```
    NonIdempotent
}

mark! {
    /// The future of an external call: what a function under `#[outside_transaction]` returns.
    ///
    /// It is the function's own future, awaited, spawned and dropped as before. Only its type says more: a body under
    /// `#[transactional]` that awaits one does not compile.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use resil::OutsideTransaction;
    ///
    /// fn rate() -> OutsideTransaction<impl Future<Output = f64>> {
    ///     OutsideTransaction::new(async { 1385.0 })
    /// }
    /// assert_eq!(rate().await, 1385.0);
    /// # }
    /// ```
    OutsideTransaction
}
