//! The task that asks the store, for all limits of this process at once.

use super::lease::Lease;
use super::{Answer, Ask, ROUND, Store};
use crate::clock;
use crate::registry::{Owner, Shared, States, Written};
use crate::sync::{Mutex, lock};
use crate::{Attempt, Site};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout, timeout_at};

/// The installed store, and the limits that are used.
#[derive(Default)]
pub(in super::super) struct Hub {
    store: OnceLock<Arc<dyn Store>>,
    active: Mutex<Vec<Arc<Lease>>>,
    dry: Notify,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Between two questions at least.
const BETWEEN: Duration = Duration::from_millis(10);
/// A store that does not answer for so long is away.
const PATIENCE: Duration = Duration::from_millis(300);

impl Hub {
    /// That of these states.
    pub(in super::super) fn of(states: &States) -> Arc<Self> {
        states.state(Owner::Name("fleet"), Self::default)
    }

    pub(super) fn install(&self, store: Arc<dyn Store>) -> Result<(), Arc<dyn Store>> {
        self.store.set(store)
    }

    pub(in super::super) fn is_installed(&self) -> bool {
        self.store.get().is_some()
    }

    /// Asks for this one too, from now on.
    pub(super) fn add(self: &Arc<Self>, lease: Arc<Lease>) {
        lock(&self.active).push(lease);
        self.keep_asking();
        self.dry.notify_one();
    }

    /// Sees to it that somebody asks: the task may have ended with its runtime, or could not begin where there was none.
    pub(super) fn keep_asking(self: &Arc<Self>) {
        let mut task = lock(&self.task);
        if task.as_ref().is_none_or(JoinHandle::is_finished)
            && let Ok(runtime) = Handle::try_current()
        {
            *task = Some(runtime.spawn(Arc::clone(self).run()));
        }
    }

    /// The next question need not wait.
    pub(super) fn hurry(&self) {
        self.dry.notify_one();
    }

    async fn run(self: Arc<Self>) {
        let Some(store) = self.store.get() else { return };
        loop {
            let began = clock::instant();
            let (leases, asks) = self.asks();
            if asks.is_empty() {
                self.dry.notified().await;
                continue;
            }
            let mut answering = Box::pin(answers(&**store, &asks));
            let mut patience = PATIENCE;
            let answers = loop {
                match timeout(patience, &mut answering).await {
                    Ok(answers) => break answers.filter(|answers| answers.len() == asks.len()),
                    Err(_) => alone(&leases),
                }
                patience = ROUND;
            };
            match answers {
                Some(answers) => {
                    let now = clock::now();
                    for ((lease, ask), answer) in leases.iter().zip(&asks).zip(&answers) {
                        lease.answered(ask, answer, now);
                    }
                }
                None => alone(&leases),
            }
            sleep(BETWEEN).await;
            _ = timeout_at(began + ROUND, self.dry.notified()).await;
        }
    }

    /// What each that is used asks.
    fn asks(&self) -> (Vec<Arc<Lease>>, Vec<Ask>) {
        let now = clock::now();
        // Out of the lock: who hears that one falls silent may use another.
        let mut used = std::mem::take(&mut *lock(&self.active));
        let mut asks = Vec::with_capacity(used.len());
        used.retain(|lease| lease.ask(now).map(|ask| asks.push(ask)).is_some());
        lock(&self.active).extend(used.iter().cloned());
        (used, asks)
    }
}

/// None of a store that fails or panics.
async fn answers(store: &dyn Store, asks: &[Ask]) -> Option<Vec<Answer>> {
    // The future begins within, as it may panic too.
    let asked = Attempt::new(async { store.lease(asks).await }).await;
    asked.ok()
}

fn alone(leases: &[Arc<Lease>]) {
    let now = clock::now();
    for lease in leases {
        lease.alone(now);
    }
}

/// No operator's business by itself.
impl Shared for Hub {
    fn written(&self) -> Written {
        Written { kind: "fleet", name: None, site: &Site::UNKNOWN, settings: Vec::new() }
    }

    fn label(&self) -> &'static str {
        "fleet"
    }

    fn end(&self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("is_installed", &self.is_installed()).finish_non_exhaustive()
    }
}
