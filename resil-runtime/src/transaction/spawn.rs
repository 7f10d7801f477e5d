use crate::context::Carried;
use std::future::Future;
use tokio::task::JoinHandle;

/// Spawns a task that takes along what is in force here: the deadline, the proof of idempotency, and which transactions
/// and connections are held. With a plain `tokio::spawn` an external call in the task is not seen to be inside a
/// transaction.
///
/// Once the transaction has ended, the task is free of it. The read clock of `#[timeout(read = ..)]` is its caller's: data that
/// arrives in the task restarts it, and it stands still while the task connects, backs off or waits for a permit.
///
/// # Panics
///
/// Outside a Tokio runtime, as `tokio::spawn` does.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let task = resil::spawn(async { 7 });
/// assert_eq!(task.await.unwrap(), 7);
/// # }
/// ```
#[track_caller]
pub fn spawn<F>(task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    tokio::spawn(Carried::here().around(task))
}
