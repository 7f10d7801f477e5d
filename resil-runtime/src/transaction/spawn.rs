use crate::context::Carried;
use std::future::Future;
use tokio::task::JoinHandle;

/// Spawns a task that takes along what is in force here: the deadline, the proof of idempotency, the tracing span, and which
/// transactions and connections are held. With a plain `tokio::spawn` an external call in the task is not seen to be inside a
/// transaction.
///
/// Once the transaction has ended, the task is free of it.
///
/// The read clock of the caller's `#[timeout(read = ..)]` restarts when data arrives in the task, and stands still while the task
/// connects, backs off or waits for a permit; a request of the caller's own is silent all the same. A request that is silent in
/// the task ends nothing of the caller's: give the task's function a `read` of its own.
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
    tokio::spawn(Carried::for_a_task().around(task))
}
