use super::scope::{self, Scope};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Lets one external call be made inside a transaction, for a reason that is reported as an event. The compiler lets it
/// pass as well.
///
/// The connection is held for as long as the partner takes, and what was done outside stays done when the transaction
/// rolls back. Bound the call with `#[timeout]`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use resil::{Error, outside_transaction};
///
/// #[outside_transaction]
/// async fn rate() -> Result<f64, Error> { Ok(1385.0) }
///
/// let rate = resil::allow("the rate must be of the moment of the booking", rate()).await;
/// assert_eq!(rate.unwrap(), 1385.0);
/// # }
/// ```
pub fn allow<F: Future>(reason: &'static str, call: F) -> Allowed<F> {
    Allowed { call, reason, scope: None }
}

pin_project! {
    /// A call that may be made inside a transaction: the future of [`allow`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Allowed<F> {
        #[pin]
        call: F,
        reason: &'static str,
        scope: Option<Arc<Scope>>,
    }
}

impl<F: Future> Future for Allowed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.scope.get_or_insert_with(|| Scope::allow(this.reason));
        scope::enter(this.scope, || this.call.poll(cx))
    }
}

impl<F> fmt::Debug for Allowed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowed").field("reason", &self.reason).finish_non_exhaustive()
    }
}
