//! The clocks of one pending attempt: its own bound, the read clock, and the deadline above it.

use crate::context::{Activity, Due, Frame};
use crate::lazy::Lazy;
use crate::policy::timeout::Bounds;
use crate::{Error, Phase, clock};
use pin_project_lite::pin_project;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

pin_project! {
    /// One timer for all bounds, armed for the nearest.
    #[derive(Debug)]
    pub(super) struct Clock {
        #[pin]
        timer: Sleep,
        // When the body was first pending; the attempt's bound counts from here.
        pending_since: Instant,
    }
}

/// What bounds an attempt.
pub(super) struct Watch<'a> {
    /// What is in force now.
    pub(super) bounds: Bounds,
    pub(super) frame: Option<&'a Frame>,
    /// Its own, or the nearest of its callers': whoever waits for a partner fails by itself when that passes, so that
    /// its breaker counts it, instead of being dropped from above.
    pub(super) deadline: Option<Due>,
}

#[derive(Clone, Copy)]
enum Passed {
    Phase(Phase, Duration),
    Deadline(Due),
}

/// The bound that has passed, and how long the attempt has had.
pub(super) struct Expired {
    bound: Passed,
    had: Duration,
}

impl Watch<'_> {
    /// Decides, after a pending poll, whether a bound has passed, and sees to it that the next one wakes the task.
    pub(super) fn expired(&self, slot: &mut Lazy<Clock>, cx: &mut Context<'_>) -> Poll<Expired> {
        if self.is_unbounded() {
            return Poll::Pending;
        }
        let mut now = clock::instant();
        let mut clock = slot.get_or_make(|| Clock { timer: tokio::time::sleep_until(now), pending_since: now });
        loop {
            let Some((due, bound)) = self.nearest(clock.pending_since, now) else { return Poll::Pending };
            // Asked of the clock and not of the timer, which stays pending for a task that has used up its budget.
            if due <= now {
                return Poll::Ready(Expired { bound, had: due.saturating_duration_since(clock.pending_since) });
            }
            ready!(clock::poll_until(clock.as_mut().project().timer, due, now, cx));
            now = clock::instant();
        }
    }

    fn is_unbounded(&self) -> bool {
        let bounded = self.bounds.attempt.or(self.bounds.read).is_some();
        !bounded && self.deadline.is_none()
    }

    /// The bound that passes first.
    fn nearest(&self, pending_since: Instant, now: Instant) -> Option<(Instant, Passed)> {
        let Bounds { attempt, read, .. } = self.bounds;
        let attempt = attempt.map(|limit| (clock::after(pending_since, limit), Passed::Phase(Phase::Attempt, limit)));
        let read = read.zip(self.frame).map(|(limit, frame)| {
            (silent_until(limit, frame.activity(), pending_since, now), Passed::Phase(Phase::Read, limit))
        });
        let deadline = self.deadline.map(|due| (due.at, Passed::Deadline(due)));
        [attempt, read, deadline].into_iter().flatten().min_by_key(|(due, _)| *due)
    }

    /// The failure that an attempt ends in.
    pub(super) fn error(&self, Expired { bound, had }: Expired) -> Error {
        let bounds = &self.bounds;
        match bound {
            Passed::Deadline(due) => due.ended(had < bounds.enough()),
            Passed::Phase(phase, limit) => bounds.timed_out(phase, limit),
        }
    }
}

/// The read clock restarts when data moves, never on a mere poll, and stands still while we wait for ourselves. A request
/// that met a longer silence ends it whatever the others heard.
fn silent_until(limit: Duration, activity: Option<&Activity>, pending_since: Instant, now: Instant) -> Instant {
    let since = match activity {
        Some(activity) if activity.silence() >= limit => return now,
        Some(activity) => activity.silent_since().map_or(now, |since| since.max(pending_since)),
        None => pending_since,
    };
    clock::after(since, limit)
}
