use crate::sync::{Mutex, lock};
use std::future::Future;
use std::io;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// The threads of a bulkhead. Their number is fixed when they start; each task holds on to them, so those that others have
/// taken over from end with their last call.
#[derive(Debug)]
pub(super) struct Threads(Mutex<Option<Runtime>>);

impl Threads {
    pub(super) fn start(label: &str, threads: u32, blocking: u32) -> io::Result<Self> {
        // A thread's name must not hold a NUL, and a name is data.
        let name: String = label.chars().filter(|c| !c.is_control()).collect();
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads as usize)
            .max_blocking_threads(blocking as usize)
            .thread_name(format!("bulkhead {name}"))
            .enable_all()
            .build()?;
        Ok(Self(Mutex::new(Some(runtime))))
    }

    /// `None` if they have ended.
    pub(super) fn spawn<F>(self: &Arc<Self>, task: F) -> Option<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let held = Arc::clone(self);
        let task = async move {
            let _held = held;
            task.await
        };
        lock(&self.0).as_ref().map(|runtime| runtime.spawn(task))
    }

    /// What still runs on them ends at its next await. Waits for none of it.
    pub(super) fn end(&self) {
        let runtime = lock(&self.0).take();
        // Not under the lock: tasks end here, and what they hold with them.
        runtime.into_iter().for_each(Runtime::shutdown_background);
    }
}

/// The last of their tasks may be the one to drop them, where waiting for them would be waiting for itself.
impl Drop for Threads {
    fn drop(&mut self) {
        self.end();
    }
}
