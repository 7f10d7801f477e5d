use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
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
    #[must_use = "futures do nothing unless awaited"]
    #[derive(Debug, Clone)]
    pub struct NonIdempotent<F> {
        #[pin]
        call: F,
    }
}

impl<F> NonIdempotent<F> {
    /// Marks this call.
    #[inline]
    pub const fn new(call: F) -> Self {
        Self { call }
    }
}

impl<F: Future> Future for NonIdempotent<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().call.poll(cx)
    }
}
