//! A bulkhead as the registry and an operator hold it.

use super::{Bulkhead, Pool, Settings};
use crate::registry::in_force::Said;
#[cfg(feature = "config")]
use crate::registry::in_force::Subject;
use crate::registry::{Found, Handle, Slot, States, Written, all, find};
use crate::{Error, Registry, clock};
use std::sync::Arc;
use std::time::Duration;

/// More threads than this are a mistake, and an operating system refuses them one by one.
pub(super) const MOST_THREADS: u32 = 512;

impl Bulkhead {
    /// What errors and events call it: its name, or its call site. (Of an unnamed bulkhead whose settings are out of
    /// range, which has no state, only the function.)
    ///
    /// ```
    /// assert_eq!(resil::Bulkhead::new(2).name("reports").label(), "reports");
    /// ```
    pub fn label(&self) -> &'static str {
        Found::label(self)
    }
}

impl Handle for Bulkhead {
    fn written(&self) -> Written {
        Written {
            kind: "bulkhead",
            name: self.name,
            site: self.site,
            settings: vec![
                ("threads", self.threads.to_string()),
                ("max_concurrent", self.limit().to_string()),
                ("queue", self.queue.to_string()),
                ("max_wait", format!("{:?}", self.max_wait)),
            ],
        }
    }

    fn name(&self) -> Option<&'static str> {
        self.name
    }

    fn out_of_range(&self) -> Option<String> {
        let mut problems = Vec::new();
        if self.threads == 0 || self.threads > MOST_THREADS {
            problems.push(format!("`threads = {}` cannot run: write 1 to {MOST_THREADS}", self.threads));
        }
        if self.max_concurrent == Some(0) {
            problems.push("`max_concurrent = 0` would let nothing through: write 1 or more".to_owned());
        }
        if self.max_wait.is_zero() {
            problems.push("`max_wait = \"0s\"` gives no thread time to begin: write \"1s\"".to_owned());
        }
        (!problems.is_empty()).then(|| format!("{}: {}", self.written(), problems.join("; ")))
    }

    fn set_up(&self, states: &States) -> Result<(), Error> {
        self.look_up(states).map(drop)
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        Some(super::in_force::subject(self))
    }
}

impl Found for Bulkhead {
    type State = Pool;

    fn slot(&self) -> &Slot<Pool> {
        &self.slot
    }

    fn new_state(&self, label: &'static str) -> Pool {
        let &Self { threads, max_concurrent, queue, max_wait, .. } = self;
        Pool::new(label, Settings { threads, max_concurrent, queue, max_wait }, self.written())
    }

    fn found(name: Option<&'static str>, pool: Arc<Pool>) -> Self {
        let site = pool.written.site;
        let Settings { threads, max_concurrent, queue, max_wait } = pool.at_first;
        let (said, slot) = (Said::NOTHING, Slot::found(Ok(pool)));
        Self { name, site, threads, max_concurrent, queue, max_wait, said, slot }
    }

    fn without_state(&self, error: Error) -> Self {
        let &Self { name, site, threads, max_concurrent, queue, max_wait, said, .. } = self;
        Self { name, site, threads, max_concurrent, queue, max_wait, said, slot: Slot::found(Err(error)) }
    }
}

impl Registry {
    /// The bulkhead of this name, as [`circuit_breaker`](Self::circuit_breaker) does it. Its threads start with the
    /// first call, not here.
    ///
    /// ```
    /// use resil::{bulkhead, registry};
    ///
    /// #[bulkhead(name = "images", threads = 2)]
    /// async fn draw() -> Result<(), resil::Error> { Ok(()) }
    ///
    /// # fn main() -> Result<(), resil::Error> {
    /// if let Some(images) = registry().bulkhead("images") {
    ///     println!("{} calls are waiting", images.usage()?.waiting);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn bulkhead(self, name: &str) -> Option<Bulkhead> {
        find(name)
    }

    /// All bulkheads, also those without a name, sorted by label.
    pub fn bulkheads(self) -> Vec<Bulkhead> {
        all()
    }

    /// Ends every bulkhead in order and at once, as [`Bulkhead::shutdown`] ends one: the last thing a service does.
    /// Answers how many calls were cut off. Never blocks the thread it is called on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use std::time::Duration;
    ///
    /// let cut_off = resil::registry().shutdown(Duration::from_secs(10)).await;
    /// # assert_eq!(cut_off, 0);
    /// # }
    /// ```
    pub async fn shutdown(self, within: Duration) -> u32 {
        let until = clock::after(clock::instant(), within);
        let bulkheads = self.bulkheads();
        bulkheads.iter().for_each(Bulkhead::close);
        let mut cut_off = 0;
        for bulkhead in &bulkheads {
            let left = until.saturating_duration_since(clock::instant());
            // One that is misconfigured has never run a call.
            cut_off += bulkhead.shutdown(left).await.unwrap_or(0);
        }
        cut_off
    }
}
