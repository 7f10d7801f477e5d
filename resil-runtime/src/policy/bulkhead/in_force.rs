//! What of a bulkhead can be set from outside.

use super::pool::{Pool, Stage};
use super::{Bulkhead, Settings};
use crate::registry::in_force::{Adjustable, Key, Put, Subject, Takes, Value, Values, no_bound, no_flaws, no_limit};
use crate::sync::{Ordering, lock};
use std::sync::Arc;

pub(crate) static BULKHEAD: Adjustable = Adjustable {
    name: "bulkhead",
    words: "bulkhead",
    has_names: true,
    is_stateless: false,
    // The place of each is what a handle marks as said.
    keys: &[
        Key::new("threads", Takes::Count(1, super::found::MOST_THREADS), "4").always_said(),
        Key::new("max_concurrent", Takes::Count(1, u32::MAX), "20"),
        Key::new("queue", Takes::Count(0, u32::MAX), "20"),
        Key::new("max_wait", Takes::Time, "\"1s\""),
    ],
    judge: no_flaws,
    beyond: no_bound,
    bound: no_limit,
};

pub(super) fn subject(handle: &Bulkhead) -> Subject {
    let Bulkhead { name, site, threads, max_concurrent, queue, max_wait, said, .. } = *handle;
    let usual = Settings::new(threads);
    let of = |settings: Settings| {
        let Settings { max_concurrent, queue, max_wait, .. } = settings;
        [max_concurrent.map(Value::Count), Some(Value::Count(queue)), Some(Value::Time(max_wait))]
    };
    let values = of(Settings { threads, max_concurrent, queue, max_wait });
    let values = std::iter::once(Some(Value::Count(threads))).chain(values);
    Subject::new(&BULKHEAD, name, site, said.and(0), values, std::iter::once(None).chain(of(usual)))
}

impl Pool {
    /// Nothing that runs or waits is refused by it. Another number of threads is started by the next call; the old ones
    /// end with the calls that run on them.
    pub(super) fn put(&self, values: &Values) -> Put {
        let threads = values.count("threads").unwrap_or(self.at_first.threads);
        let limit = values.count("max_concurrent").unwrap_or(threads);
        self.queue.store(values.count("queue").unwrap_or(self.at_first.queue), Ordering::Relaxed);
        self.max_wait.set(values.time("max_wait").or(Some(self.at_first.max_wait)));
        let mut stage = lock(&self.stage);
        let is_other = self.threads.swap(threads, Ordering::Relaxed) != threads;
        let old = match &mut *stage {
            Stage::Open(threads) if is_other => {
                let mut retired = lock(&self.retired);
                retired.retain(|threads| threads.strong_count() > 0);
                retired.push(Arc::downgrade(threads));
                Some(std::mem::replace(&mut *stage, Stage::New))
            }
            _ => None,
        };
        // A closed one has let everybody through who waited.
        let is_open = !matches!(*stage, Stage::Closed(_));
        let is_resized = self.limit.swap(limit, Ordering::Relaxed) != limit && is_open;
        let wakes = is_resized && self.places.set_limit(limit);
        drop(stage);
        // Where nothing runs on them, they end here.
        drop(old);
        Put { wakes, ..Put::default() }
    }
}
