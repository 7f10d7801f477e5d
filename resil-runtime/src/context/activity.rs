//! What happens for an attempt outside its own polls.

use super::{Frame, current};
use crate::clock;
use crate::sync::{Mutex, lock};
use std::sync::Arc;
use tokio::time::Instant;

/// When data moved for an attempt, and whether its silence is our own: a connection that is being made, a backoff, a
/// wait for a permit. Shared with the tasks and threads that work for the attempt.
///
/// The attempts around it hear of all of it, those beside it of nothing.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<Progress>);

#[derive(Debug)]
struct Progress {
    /// Connections being made and waits of our own, during which the read clock stands still.
    pauses: u32,
    /// When data last moved or a pause ended.
    latest: Instant,
    /// The attempts it is part of: one, or all those that have polled it.
    parents: Vec<Arc<Activity>>,
}

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(Progress { pauses: 0, latest: clock::instant(), parents: Vec::new() }))
    }
}

impl Activity {
    /// Since when the partner is silent; `None` while it is not the partner who is waited for.
    pub(crate) fn silent_since(&self) -> Option<Instant> {
        let state = lock(&self.0);
        (state.pauses == 0).then_some(state.latest)
    }

    /// Data moved.
    pub(crate) fn mark(&self) {
        let now = clock::instant();
        self.each(&mut |state| state.latest = state.latest.max(now));
    }

    /// Here, and in the attempts around it: always from child to parent, so that two never wait for each other.
    fn each(&self, change: &mut impl FnMut(&mut Progress)) {
        let mut state = lock(&self.0);
        change(&mut state);
        state.parents.iter().for_each(|parent| parent.each(change));
    }

    /// From now on the attempt around it hears of what happens here; of a pause under way, at once.
    pub(super) fn belongs_to(&self, parent: &Arc<Self>) {
        let is_known = lock(&self.0).parents.iter().any(|known| Arc::ptr_eq(known, parent));
        if is_known || parent.is_part_of(self) {
            return;
        }
        let mut state = lock(&self.0);
        let (pauses, latest) = (state.pauses, state.latest);
        parent.each(&mut |outer| {
            outer.pauses += pauses;
            outer.latest = outer.latest.max(latest);
        });
        state.parents.push(Arc::clone(parent));
    }

    /// Whether the other is this one, or hears of this one.
    fn is_part_of(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || lock(&self.0).parents.iter().any(|parent| parent.is_part_of(other))
    }
}

/// The read clocks of the attempt that was polled, and of those around it, stand still while this lives. They start
/// anew when it is dropped.
#[derive(Debug)]
pub(crate) struct Pause(Arc<Activity>);

impl Pause {
    /// For the attempt that is being polled, if there is one.
    pub(crate) fn start() -> Option<Self> {
        let activity = current(Frame::shared_activity)?;
        activity.each(&mut |state| state.pauses += 1);
        Some(Self(activity))
    }

    /// Whether the attempt it belongs to is the one being polled. A connector that lost the race against a pooled
    /// connection is moved to a task of its own: the request has gone without it, and it holds up no clock.
    pub(crate) fn is_ours(&self) -> bool {
        current(|frame| frame.activity.get().is_some_and(|activity| Arc::ptr_eq(activity, &self.0))).unwrap_or(false)
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let now = clock::instant();
        self.0.each(&mut |state| {
            state.pauses -= 1;
            state.latest = state.latest.max(now);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn activities<const N: usize>() -> [Arc<Activity>; N] {
        std::array::from_fn(|_| Arc::default())
    }

    fn pause(activity: &Arc<Activity>) -> Pause {
        activity.each(&mut |state| state.pauses += 1);
        Pause(Arc::clone(activity))
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_reaches_those_around_it_and_none_beside_it() {
        let [outer, inner, beside] = activities();
        let begun = pause(&inner);
        inner.belongs_to(&outer);
        inner.belongs_to(&outer);
        beside.belongs_to(&outer);
        assert_eq!(outer.silent_since(), None, "of one that had begun before");
        assert!(beside.silent_since().is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(begun);
        assert_eq!(outer.silent_since(), Some(clock::instant()));
        assert_eq!(inner.silent_since(), Some(clock::instant()));
        assert!(beside.silent_since() < outer.silent_since());
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_that_poll_each_other_in_turn_wait_for_none() {
        let [one, two, three] = activities();
        one.belongs_to(&two);
        two.belongs_to(&three);
        three.belongs_to(&one);
        one.belongs_to(&one);
        let paused = pause(&one);
        assert_eq!(three.silent_since(), None);
        drop(paused);
        assert!(three.silent_since().is_some());
    }
}
