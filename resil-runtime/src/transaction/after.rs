use super::Scope;
use std::future::Future;

/// Runs a future in a task of its own once the transaction around this call has committed; at once if there is none. If
/// the transaction rolls back, or the savepoint in it, the future is dropped.
///
/// The place for what must not be in the transaction and may be lost with the process: a notification, a cache to be
/// refreshed. The compiler lets external calls pass in it.
///
/// # Panics
///
/// Outside a Tokio runtime.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (told, hears) = tokio::sync::oneshot::channel();
/// resil::after(async move { _ = told.send("no transaction here: at once") });
/// assert!(hears.await.is_ok());
/// # }
/// ```
#[track_caller]
pub fn after(task: impl Future<Output = ()> + Send + 'static) {
    if let Some(task) = Scope::when_committed(Box::pin(task)) {
        tokio::spawn(task);
    }
}
