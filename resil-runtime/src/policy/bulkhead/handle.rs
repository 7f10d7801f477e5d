use super::{Pool, Settings};
use crate::policy::semaphore::Usage;
use crate::registry::in_force::Said;
use crate::registry::{Found as _, Slot};
use crate::{Attempt, Error, Failure, Site};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Threads of its own for calls that may hold theirs: what `#[bulkhead]` expands to, and a policy to use by hand.
///
/// The call runs on the bulkhead's own Tokio runtime, so that one which stalls, or blocks its thread, starves neither
/// other bulkheads nor its caller. It is a handle: everything that writes one name shares the threads, the places and
/// the queue. The threads start with the first call. Its settings count until it is first
/// used; what is set afterwards changes nothing.
///
/// | setting | default |
/// |---|---|
/// | `threads` | required, at most 512 |
/// | [`max_concurrent`](Self::max_concurrent) | as many as threads |
/// | [`queue`](Self::queue) | 0: a call that finds no place is refused |
/// | [`max_wait`](Self::max_wait) | 1 s, in the queue and for a thread together |
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use resil::{Bulkhead, Error};
/// use std::time::Duration;
///
/// static REPORTS: Bulkhead = Bulkhead::new(2).name("reports").queue(10);
///
/// let caller = std::thread::current().id();
/// let thread = REPORTS.call(async { Ok::<_, Error>(std::thread::current().id()) }).await;
/// assert_ne!(thread.unwrap(), caller);
///
/// assert_eq!(REPORTS.shutdown(Duration::from_secs(5)).await.unwrap(), 0, "none was cut off");
/// # }
/// ```
#[must_use = "a bulkhead runs nothing until a call asks it"]
#[derive(Debug)]
pub struct Bulkhead {
    pub(super) name: Option<&'static str>,
    pub(super) site: &'static Site,
    pub(super) threads: u32,
    pub(super) max_concurrent: Option<u32>,
    pub(super) queue: u32,
    pub(super) max_wait: Duration,
    pub(super) said: Said,
    pub(super) slot: Slot<Pool>,
}

impl Bulkhead {
    /// This many threads, for this handle alone. [`name`](Self::name) shares them.
    pub const fn new(threads: u32) -> Self {
        Self::of(Settings::new(threads))
    }

    /// These settings, for this handle alone.
    pub const fn of(settings: Settings) -> Self {
        let Settings { threads, max_concurrent, queue, max_wait } = settings;
        Self {
            name: None,
            site: &Site::UNKNOWN,
            threads,
            max_concurrent,
            queue,
            max_wait,
            said: Said::NOTHING,
            slot: Slot::new(),
        }
    }

    /// Shares the threads with everything that writes this name.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// How many calls may run at a time. More than threads where calls wait for their partner without blocking.
    pub const fn max_concurrent(mut self, calls: u32) -> Self {
        self.max_concurrent = Some(calls);
        self.said = self.said.and(1);
        self
    }

    /// How many calls may wait for a place.
    pub const fn queue(mut self, calls: u32) -> Self {
        self.queue = calls;
        self.said = self.said.and(2);
        self
    }

    /// How long a call may wait until it begins: in the queue, and for a thread that is not held.
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self.said = self.said.and(3);
        self
    }

    /// The place named when two settings contradict each other.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    /// Runs one call on a thread of this bulkhead, without bounds of its own.
    ///
    /// Dropping the future ends the call at its next await.
    ///
    /// # Errors
    ///
    /// The call's own error, or through `From` one of [`Attempt::on`].
    pub async fn call<F, T, E>(&self, call: F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        Attempt::new(call).on(self).await.map_err(Failure::into_error)
    }

    /// Ends this bulkhead in order, for everybody who shares it, and for good: it takes no more calls, those in the
    /// queue are refused, and those that run are waited for. Whatever still runs after `within` is ended at its next
    /// await. Never blocks the thread it is called on, not even for a call that blocks its own.
    ///
    /// Answers how many calls were cut off. Dropping the future leaves it closed; call it again to let go of the
    /// threads.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] if the settings contradict another site's or are out of range.
    pub async fn shutdown(&self, within: Duration) -> Result<u32, Error> {
        Ok(self.pool()?.shut_down(within).await)
    }

    /// Takes no more calls from now on.
    pub(crate) fn close(&self) {
        if let Ok(pool) = self.pool() {
            pool.close();
        }
    }

    /// How many calls may run, are running and are waiting for a place.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`], as in [`shutdown`](Self::shutdown).
    pub fn usage(&self) -> Result<Usage, Error> {
        Ok(self.pool()?.usage())
    }

    /// How many callers may wait for a place.
    #[cfg(feature = "metrics")]
    pub(crate) fn queue_limit(&self) -> u32 {
        self.pool().map_or(self.queue, |pool| pool.queue.load(crate::sync::Ordering::Relaxed))
    }

    pub(super) fn pool(&self) -> Result<Arc<Pool>, Error> {
        self.slot.share(|states| self.look_up(states))
    }

    pub(super) fn limit(&self) -> u32 {
        self.max_concurrent.unwrap_or(self.threads)
    }
}
