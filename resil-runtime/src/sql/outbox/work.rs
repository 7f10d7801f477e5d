//! How patient a relay is, how its handlers are doing, and what it has taken up.

use super::handlers::Handler;
use super::store::{Claimed, HeldMessage};
use crate::clock;
use crate::policy::retry::{Backoff, Jitter};
use crate::sync::{Mutex, lock};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
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
    pub(super) give_up: Option<Duration>,
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

/// How a handler is doing.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// How many deliveries have failed with what may pass, one after the other with no success in between. Then it is the
    /// broker: one message at a time is tried, and the others are left as they are.
    outage: u32,
    had_success: bool,
    /// Until when none is tried.
    until: Option<Instant>,
}

impl Health {
    pub(super) fn delivered(&mut self) {
        (self.outage, self.had_success, self.until) = (0, true, None);
    }

    /// What may pass has failed: whether it is the handler, to which nothing is delivered, and not the message.
    pub(super) fn failed(&mut self, patience: &Patience) -> bool {
        self.outage = if self.had_success { 0 } else { self.outage.saturating_add(1) };
        self.had_success = false;
        let wait = (self.outage > 0).then(|| patience.wait(self.outage, None).min(LONGEST_OUTAGE));
        self.until = wait.map(|wait| clock::after(clock::instant(), wait));
        self.outage > 0
    }

    /// For how long nothing is to be tried.
    pub(super) fn out_for(&self) -> Option<Duration> {
        let left = self.until?.saturating_duration_since(clock::instant());
        (!left.is_zero()).then_some(left)
    }

    /// How many messages may be tried at once.
    pub(super) fn room(&self, concurrency: usize) -> usize {
        match self.outage {
            _ if self.out_for().is_some() => 0,
            0 => concurrency,
            _ => 1,
        }
    }

    pub(super) fn is_out(&self) -> bool {
        self.outage > 0
    }
}

/// What is under way.
#[derive(Debug, Default)]
struct UnderWay {
    /// By the topic of the handler.
    by_handler: HashMap<Option<String>, usize>,
    parts: usize,
    bytes: usize,
    alone: usize,
    /// What was dropped before it had ended.
    cut_off: Vec<HeldMessage>,
}

/// What a relay has taken up, shared with those who deliver it.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken(Arc<(Mutex<UnderWay>, Notify)>);

/// What one lane has of it, until it is dropped.
#[derive(Debug)]
pub(super) struct Part {
    of: Taken,
    held: HeldMessage,
    handler: Option<String>,
    bytes: usize,
    is_alone: bool,
    has_ended: bool,
}

impl Taken {
    pub(super) fn part(&self, handler: &Handler, head: &Claimed) -> Part {
        let (bytes, is_alone) = (head.message.payload.len(), head.is_alone);
        let mut counts = lock(&self.0.0);
        *counts.by_handler.entry(handler.topic.clone()).or_default() += 1;
        counts.parts += 1;
        counts.bytes = counts.bytes.saturating_add(bytes);
        counts.alone += usize::from(is_alone);
        Part {
            of: self.clone(),
            held: HeldMessage::of(head),
            handler: handler.topic.clone(),
            bytes,
            is_alone,
            has_ended: false,
        }
    }

    /// How many messages of this handler are under way.
    pub(super) fn of(&self, handler: &Handler) -> usize {
        lock(&self.0.0).by_handler.get(&handler.topic).copied().unwrap_or(0)
    }

    pub(super) fn bytes(&self) -> usize {
        lock(&self.0.0).bytes
    }

    /// Whether one is under way that is to be alone.
    pub(super) fn has_alone(&self) -> bool {
        lock(&self.0.0).alone > 0
    }

    /// Whether nothing is under way, and nothing was that has not ended.
    pub(super) fn is_empty(&self) -> bool {
        let counts = lock(&self.0.0);
        counts.parts == 0 && counts.cut_off.is_empty()
    }

    /// What was dropped before it had ended, once nothing is under way any more.
    pub(super) async fn cut_off(&self) -> Vec<HeldMessage> {
        while lock(&self.0.0).parts > 0 {
            self.0.1.notified().await;
        }
        std::mem::take(&mut lock(&self.0.0).cut_off)
    }
}

impl Part {
    /// Takes so many bytes more, or what is left of the bound.
    pub(super) fn more(&mut self, bytes: usize, bound: usize) -> usize {
        let mut counts = lock(&self.of.0.0);
        let more = bytes.min(bound.saturating_sub(counts.bytes));
        counts.bytes += more;
        self.bytes += more;
        more
    }

    /// Has no more than so many bytes.
    pub(super) fn keeps(&mut self, bytes: usize) {
        let more = self.bytes.saturating_sub(bytes);
        let mut counts = lock(&self.of.0.0);
        counts.bytes = counts.bytes.saturating_sub(more);
        self.bytes -= more;
    }

    /// What has become of it was written down.
    pub(super) fn has_ended(&mut self) {
        self.has_ended = true;
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut counts = lock(&self.of.0.0);
        counts.parts -= 1;
        counts.bytes = counts.bytes.saturating_sub(self.bytes);
        counts.alone -= usize::from(self.is_alone);
        if let Some(number) = counts.by_handler.get_mut(&self.handler) {
            *number = number.saturating_sub(1);
        }
        if !self.has_ended {
            counts.cut_off.push(self.held);
        }
        if counts.parts == 0 {
            self.of.0.1.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        lease: Duration::from_secs(30),
        attempts: 10,
        base: Duration::from_secs(1),
        max: Duration::from_secs(60),
        give_up: None,
    };

    #[tokio::test(start_paused = true)]
    async fn a_failure_after_a_success_is_the_messages_own() {
        let mut health = Health::default();
        assert!(health.failed(&PATIENCE), "nothing was ever delivered");
        health.delivered();
        assert_eq!(health.room(16), 16);
        assert!(!health.failed(&PATIENCE));
        assert_eq!(health.room(16), 16);
        assert!(health.failed(&PATIENCE), "nothing was delivered since");
        assert_eq!((health.room(16), health.is_out()), (0, true));
        tokio::time::advance(LONGEST_OUTAGE).await;
        assert_eq!(health.room(16), 1);
    }
}
