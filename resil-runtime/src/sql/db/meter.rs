//! How long connections are held, and by whom.

use crate::clock;
use crate::sync::{Mutex, lock};
use crate::transaction::Began;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// What one place of the program held of a [`Db`](super::Db): see [`Db::held`](super::Db::held).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldBy {
    /// The place.
    pub began: Began,
    /// How many of its transactions or connections are open now.
    pub now: u32,
    /// How many have ended.
    pub ended: u64,
    /// How long those were held, together.
    pub total: Duration,
    /// How long the longest of those was held.
    pub longest: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<HashMap<(&'static str, u32, &'static str), HeldBy>>);

impl Meter {
    /// Measures until the result is dropped.
    pub(super) fn hold(self: &Arc<Self>, began: Began) -> Metered {
        let holds = Metered { meter: Arc::clone(self), began, since: clock::now() };
        holds.change(|by| by.now += 1);
        holds
    }

    /// The places, those that held longest first.
    pub(super) fn held(&self) -> Vec<HeldBy> {
        let mut all: Vec<_> = lock(&self.0).values().copied().collect();
        all.sort_by_key(|by| std::cmp::Reverse(by.total));
        all
    }
}

#[cfg(feature = "metrics")]
impl From<HeldBy> for crate::registry::Held {
    fn from(HeldBy { began, now, ended, total, .. }: HeldBy) -> Self {
        Self { place: began.site.to_string(), now, ended, total }
    }
}

/// Numbers that only grow keep what it has counted.
#[cfg(feature = "metrics")]
impl Drop for Meter {
    fn drop(&mut self) {
        crate::metrics::keep(self.held().into_iter().map(Into::into));
    }
}

/// A connection that is held.
#[derive(Debug)]
pub(super) struct Metered {
    meter: Arc<Meter>,
    began: Began,
    since: u64,
}

impl Metered {
    fn change(&self, change: impl FnOnce(&mut HeldBy)) {
        let began = self.began;
        let key = (began.site.file, began.site.line, began.site.function);
        let nothing = HeldBy { began, now: 0, ended: 0, total: Duration::ZERO, longest: Duration::ZERO };
        change(lock(&self.meter.0).entry(key).or_insert(nothing));
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        let time = Duration::from_nanos(clock::now().saturating_sub(self.since));
        self.change(|by| {
            by.now -= 1;
            by.ended += 1;
            by.total += time;
            by.longest = by.longest.max(time);
        });
    }
}
