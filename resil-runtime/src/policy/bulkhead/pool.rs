use super::threads::Threads;
use super::{Running, Settings};
use crate::context::{Carried, Due, Pause};
use crate::policy::semaphore::Permits;
use crate::policy::semaphore::Usage;
#[cfg(feature = "config")]
use crate::registry::Handle;
use crate::registry::in_force::Live;
#[cfg(feature = "config")]
use crate::registry::in_force::{Put, Subject, Values};
use crate::registry::{Row, Shared, Written, events};
use crate::sync::{AtomicU32, Mutex, Ordering, lock};
use crate::{Error, clock};
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

/// What a name stands for: its label, its places and the threads all its call sites share.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(super) label: &'static str,
    pub(super) threads: AtomicU32,
    pub(super) limit: AtomicU32,
    pub(super) queue: AtomicU32,
    pub(super) max_wait: Live,
    /// What it was set up with.
    pub(super) at_first: Settings,
    pub(super) places: Permits,
    queued: AtomicU32,
    pub(super) stage: Mutex<Stage>,
    /// Threads that others have taken over from, with calls that still run on them.
    pub(super) retired: Mutex<Vec<Weak<Threads>>>,
    /// Told whenever a call ends.
    ended: Notify,
    /// What the first site to use it asked for.
    pub(crate) written: Written,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// Threads are started by the first call.
    New,
    Open(Arc<Threads>),
    /// Takes no calls; the threads stay until those that run have ended.
    Closed(Option<Arc<Threads>>),
}

/// How long a call may wait for its beginning, and whose bound that is.
#[derive(Clone, Copy)]
pub(super) struct Until {
    since: Instant,
    longest: Duration,
    deadline: Option<Due>,
}

impl Until {
    pub(super) fn new(longest: Duration, deadline: Option<Due>) -> Self {
        Self { since: clock::instant(), longest, deadline }
    }

    fn instant(&self) -> Instant {
        let longest = clock::after(self.since, self.longest);
        self.deadline.map_or(longest, |due| longest.min(due.at))
    }
}

impl Pool {
    pub(crate) fn new(label: &'static str, settings: Settings, written: Written) -> Self {
        let Settings { threads, max_concurrent, queue, max_wait } = settings;
        let limit = max_concurrent.unwrap_or(threads);
        Self {
            label,
            threads: AtomicU32::new(threads),
            limit: AtomicU32::new(limit),
            queue: AtomicU32::new(queue),
            max_wait: Live::new(Some(max_wait)),
            at_first: settings,
            places: Permits::new(limit),
            queued: AtomicU32::new(0),
            stage: Mutex::new(Stage::New),
            retired: Mutex::default(),
            ended: Notify::new(),
            written,
        }
    }

    /// Takes a place, or waits for one in the queue.
    pub(super) async fn enter(self: Arc<Self>, until: &Until) -> Result<Place, Error> {
        if self.places.try_take() {
            return Ok(Place(self));
        }
        let Some(_queued) = Queued::join(&self) else { return Err(self.full(until)) };
        let _pause = Pause::start();
        let place = async {
            self.places.acquire().await;
            Place(Arc::clone(&self))
        };
        timeout_at(until.instant(), place).await.map_err(|_| self.late(until))
    }

    /// Starts the threads, if this is the first call, and hands them the task.
    fn spawn<F>(&self, task: F) -> Result<tokio::task::JoinHandle<F::Output>, Error>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let mut stage = lock(&self.stage);
        if let Stage::New = *stage {
            let (threads, limit) = (self.threads.load(Ordering::Relaxed), self.limit.load(Ordering::Relaxed));
            let threads = Threads::start(self.label, threads, limit).map_err(|error| {
                crate::registry::misconfigured(format!("{} cannot start its threads: {error}", self.written))
            })?;
            *stage = Stage::Open(Arc::new(threads));
        }
        let threads = if let Stage::Open(threads) = &*stage { Some(Arc::clone(threads)) } else { None };
        drop(stage);
        threads.and_then(|threads| threads.spawn(task)).ok_or_else(|| self.closed(false))
    }

    /// What to answer when the wait for a beginning has ended without one.
    fn late(&self, until: &Until) -> Error {
        match until.deadline {
            Some(due) if due.at <= clock::instant() => due.refused(),
            _ => self.full(until),
        }
    }

    fn full(&self, until: &Until) -> Error {
        let waited = clock::instant().saturating_duration_since(until.since);
        let limit = self.limit.load(Ordering::Relaxed);
        events::bulkhead_full(self.label, limit, waited);
        Error::BulkheadFull { name: self.label, limit, waited }
    }

    pub(super) fn closed(&self, attempted: bool) -> Error {
        Error::BulkheadClosed { name: self.label, attempted }
    }

    pub(super) fn panicked(&self) -> Error {
        events::panicked(self.label);
        Error::Panicked { name: self.label }
    }

    pub(super) fn usage(&self) -> Usage {
        Usage { limit: self.limit.load(Ordering::Relaxed), ..self.places.snapshot() }
    }

    /// Takes no more calls, waits for those that run, and lets go of the threads without waiting for them.
    pub(super) async fn shut_down(&self, within: Duration) -> u32 {
        self.close();
        let until = clock::after(clock::instant(), within);
        let all_ended = async {
            loop {
                let ended = self.ended.notified();
                if self.usage().in_use == 0 {
                    return;
                }
                ended.await;
            }
        };
        let left = match timeout_at(until, all_ended).await {
            Ok(()) => 0,
            Err(_) => self.usage().in_use,
        };
        self.let_go();
        left
    }

    /// Lets go of the threads of a closed bulkhead. What runs on them ends at its next await.
    fn let_go(&self) {
        let threads = match &mut *lock(&self.stage) {
            Stage::Closed(threads) => threads.take(),
            Stage::New | Stage::Open(_) => None,
        };
        // Not under the lock: tasks end here, and what they hold with them.
        let retired = std::mem::take(&mut *lock(&self.retired));
        threads.into_iter().chain(retired.iter().filter_map(Weak::upgrade)).for_each(|threads| threads.end());
    }

    pub(super) fn close(&self) {
        let mut stage = lock(&self.stage);
        *stage = match std::mem::replace(&mut *stage, Stage::New) {
            Stage::New => Stage::Closed(None),
            Stage::Open(threads) => Stage::Closed(Some(threads)),
            Stage::Closed(threads) => Stage::Closed(threads),
        };
        drop(stage);
        // Whoever waits in the queue comes through, and finds it closed.
        self.places.resize(u32::MAX);
    }
}

impl Shared for Pool {
    fn written(&self) -> Written {
        self.written.clone()
    }

    fn label(&self) -> &'static str {
        self.label
    }

    fn row(&self) -> Option<Row> {
        Some(self.usage().row("bulkhead"))
    }

    #[cfg(feature = "dashboard")]
    fn view(&self) -> Option<crate::registry::View> {
        Some(self.usage().view("bulkhead"))
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        let handle = super::Bulkhead::of(self.at_first);
        Handle::subject(&handle)
    }

    #[cfg(feature = "config")]
    fn put_in_force(&self, values: &Values) -> Put {
        self.put(values)
    }

    #[cfg(feature = "config")]
    fn wake(&self) {
        self.places.hand_over();
    }

    fn end(&self) {
        self.close();
        self.let_go();
    }
}

/// Without it the last handle would have to be dropped where blocking is allowed.
impl Drop for Pool {
    fn drop(&mut self) {
        self.end();
    }
}

/// The right to run one call. Given back when the call has ended on its thread, whether or not its caller still waits.
#[derive(Debug)]
pub(super) struct Place(Arc<Pool>);

impl Drop for Place {
    fn drop(&mut self) {
        struct TellEnd<'a>(&'a Pool);
        impl Drop for TellEnd<'_> {
            fn drop(&mut self) {
                self.0.ended.notify_waiters();
            }
        }
        // Even if the waker of whoever is next panics.
        let _told = TellEnd(&self.0);
        self.0.places.give_back();
    }
}

impl Place {
    /// Begins the call on one of the threads. Until it has begun nothing has happened, and dropping this, or running
    /// out of time, means that nothing will.
    pub(super) async fn begin<F>(self, body: F, carried: Carried, until: &Until) -> Result<Running<F::Output>, Error>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let pool = Arc::clone(&self.0);
        let (start, mut begun) = oneshot::channel();
        let task = async move {
            let _place = self;
            // Refused when the caller has left: it is too late to begin.
            start.send(()).ok()?;
            Some(carried.around(body).await)
        };
        #[cfg(feature = "tracing")]
        let task = tracing::Instrument::in_current_span(task);
        let running = Running::new(Arc::clone(&pool), pool.spawn(task)?);
        let _pause = Pause::start();
        match timeout_at(until.instant(), &mut begun).await {
            Ok(Ok(())) => Ok(running),
            Ok(Err(_)) => Err(pool.closed(false)),
            Err(_) => {
                begun.close();
                // It may have begun in this very moment.
                begun.try_recv().map(|()| running).map_err(|_| pool.late(until))
            }
        }
    }
}

/// One place in the queue.
struct Queued<'a>(&'a Pool);

impl<'a> Queued<'a> {
    fn join(pool: &'a Pool) -> Option<Self> {
        let most = pool.queue.load(Ordering::Relaxed);
        let room = |queued| (queued < most).then_some(queued + 1);
        pool.queued.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok().map(|_| Self(pool))
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Ordering::Relaxed);
    }
}
