//! What a relay is at, and how patient it is.

use super::lane::Ran;
use super::relay::Relayed;
use super::store::Delivered;
use crate::clock;
use crate::policy::retry::{Backoff, Jitter};
use crate::sql::worker::Outcome;
use crate::sync::AtomicBool;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// While one message at a time is tried: often enough for those whose handler is well, and seldom enough for a broker that
/// is away.
const LONGEST_OUTAGE: Duration = Duration::from_secs(1);

/// How long a handler may take, how often it may fail, and what is waited in between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) lease: Duration,
    pub(super) attempts: u32,
    pub(super) base: Duration,
    pub(super) max: Duration,
}

impl Patience {
    /// The longest time for one message: a lease has room for two.
    pub(super) fn longest(&self) -> Duration {
        self.lease / 2
    }

    /// The wait after this attempt has failed; no less than what it was told to wait, up to an hour.
    pub(super) fn wait(&self, attempt: u32, told: Option<Duration>) -> Duration {
        let backoff = Backoff { base: self.base, factor: 2.0, max: self.max, jitter: Jitter::Full };
        let wait = backoff.delay(attempt, Duration::ZERO, || 1.0 - fastrand::f64());
        wait.max(told.unwrap_or_default().min(LONGEST_WAIT))
    }
}

/// What a relay is at.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) done: Relayed,
    /// The lane that had the last turn: the next one is after it, so that none waits for another that is always busy.
    pub(super) turn: String,
    /// How many deliveries have failed with what may pass, one after the other with no success in between. Then it is the
    /// broker: one message at a time is tried, and the others are left as they are.
    outage: u32,
    had_success: bool,
    /// Until when none is tried.
    until: Option<Instant>,
    pub(super) stop: Arc<AtomicBool>,
}

impl Work {
    /// For how long nothing is to be tried.
    pub(super) fn out_for(&self) -> Option<Duration> {
        let left = self.until?.saturating_duration_since(clock::instant());
        (!left.is_zero()).then_some(left)
    }

    /// How many lanes may be delivered at once.
    pub(super) fn room(&self, concurrency: usize) -> usize {
        match self.outage {
            _ if self.out_for().is_some() => 0,
            0 => concurrency,
            _ => 1,
        }
    }

    /// Takes note of how a lane has ended, and answers what is to be deleted.
    pub(super) fn count(&mut self, ended: Outcome<Ran>, patience: Patience) -> Vec<Delivered> {
        let Ok(Ran { delivered, failed, is_set_aside }) = ended else {
            self.done.failed += 1;
            return Vec::new();
        };
        self.done.failed += u64::from(failed.is_some());
        self.done.set_aside += u64::from(is_set_aside);
        if !delivered.is_empty() {
            (self.outage, self.had_success, self.until) = (0, true, None);
        }
        if failed == Some(true) {
            self.outage = if self.had_success { 0 } else { self.outage.saturating_add(1) };
            self.had_success = false;
            let wait = (self.outage > 0).then(|| patience.wait(self.outage, None).min(LONGEST_OUTAGE));
            self.until = wait.map(|wait| clock::after(clock::instant(), wait));
        }
        delivered
    }
}
