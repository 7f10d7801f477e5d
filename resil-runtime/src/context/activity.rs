//! What happens for an attempt outside its own polls.

use super::current;
use crate::clock;
use crate::sync::{Mutex, lock};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// When data moved for an attempt or a request, and whether its silence is our own: a connection that is being made, a
/// backoff, a wait for a permit. Shared with the tasks and threads that work for it.
///
/// The attempts around it hear of all of it, those beside it of nothing.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    progress: Mutex<Progress>,
    /// Perhaps nobody waits for it: its silence is nobody's.
    is_of_a_task: bool,
}

#[derive(Debug)]
struct Progress {
    /// Connections being made and waits of our own, during which the read clock stands still.
    pauses: u32,
    /// When data last moved or a pause ended.
    latest: Instant,
    /// The longest silence of a request within that has heard nothing at the end of it.
    silence: Duration,
    /// The attempts it is part of: one, or those that have polled it.
    parents: Vec<Arc<Activity>>,
    /// How many are part of this one.
    children: usize,
}

impl Default for Progress {
    fn default() -> Self {
        Self { pauses: 0, latest: clock::instant(), silence: Duration::ZERO, parents: Vec::new(), children: 0 }
    }
}

impl Progress {
    fn join(&mut self, parent: Arc<Activity>) {
        lock(&parent.progress).children += 1;
        self.parents.push(parent);
    }

    /// What has ended is left for the attempts around it.
    fn leave(&mut self, ended: &Activity) {
        let outers = {
            let mut ended = lock(&ended.progress);
            ended.children -= 1;
            ended.parents.clone()
        };
        for outer in outers {
            if !self.parents.iter().any(|known| Arc::ptr_eq(known, &outer)) {
                self.join(outer);
            } else if self.pauses > 0 {
                // Until now it was told twice.
                outer.resume(self.pauses);
            }
        }
    }
}

impl Activity {
    /// Of a task that works for this attempt.
    pub(super) fn of_a_task(parent: Arc<Self>) -> Self {
        let mut progress = Progress::default();
        progress.join(parent);
        Self { progress: Mutex::new(progress), is_of_a_task: true }
    }

    /// Since when the partner is silent; `None` while it is not the partner who is waited for.
    pub(crate) fn silent_since(&self) -> Option<Instant> {
        let state = lock(&self.progress);
        (state.pauses == 0).then_some(state.latest)
    }

    /// The longest silence that a request within is known to have met, whatever the others heard.
    pub(crate) fn silence(&self) -> Duration {
        lock(&self.progress).silence
    }

    /// A request within has heard nothing for so long. Told to those around, as far as they wait for it.
    pub(super) fn is_silent(&self, silence: Duration) {
        let mut state = lock(&self.progress);
        state.silence = state.silence.max(silence);
        if !self.is_of_a_task {
            state.parents.iter().for_each(|parent| parent.is_silent(silence));
        }
    }

    /// A further wait of the same request begins, which those around it hear nothing of.
    #[cfg(any(feature = "reqwest", feature = "tonic"))]
    pub(super) fn begin(&self) {
        lock(&self.progress).latest = clock::instant();
    }

    /// Data moved.
    pub(crate) fn mark(&self) {
        let now = clock::instant();
        self.each(&mut |state| state.latest = state.latest.max(now));
    }

    /// Here, and in the attempts around it: always from child to parent, so that two never wait for each other.
    fn each(&self, change: &mut impl FnMut(&mut Progress)) {
        let mut state = lock(&self.progress);
        change(&mut state);
        state.parents.iter().for_each(|parent| parent.each(change));
    }

    /// From now on the attempt around it hears of what happens here; of a pause under way, at once.
    pub(super) fn belongs_to(&self, parent: &Arc<Self>) {
        let is_known = lock(&self.progress).parents.iter().any(|known| Arc::ptr_eq(known, parent));
        if is_known || parent.is_part_of(self) {
            return;
        }
        let mut state = lock(&self.progress);
        let (pauses, latest) = (state.pauses, state.latest);
        parent.each(&mut |outer| {
            outer.pauses += pauses;
            outer.latest = outer.latest.max(latest);
        });
        let ended: Vec<_> = state.parents.extract_if(.., |known| known.has_ended()).collect();
        state.join(Arc::clone(parent));
        for one in ended {
            state.leave(&one);
        }
    }

    /// Whether nobody has it but those that are part of it. An answer can be read in any number of attempts, one after the
    /// other, and is not to remember them all.
    fn has_ended(self: &Arc<Self>) -> bool {
        !self.is_of_a_task && Arc::strong_count(self) <= lock(&self.progress).children
    }

    /// So many pauses within have ended.
    fn resume(&self, pauses: u32) {
        let now = clock::instant();
        self.each(&mut |state| {
            state.pauses -= pauses;
            state.latest = state.latest.max(now);
        });
    }

    /// Whether the other is this one, or hears of this one.
    fn is_part_of(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || lock(&self.progress).parents.iter().any(|parent| parent.is_part_of(other))
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        lock(&self.progress).parents.iter().for_each(|parent| lock(&parent.progress).children -= 1);
    }
}

/// The read clocks of the attempt that was polled, and of those around it, stand still while this lives. They start
/// anew when it is dropped.
#[derive(Debug)]
pub(crate) struct Pause(Arc<Activity>);

impl Pause {
    /// For the attempt or request that is being polled, if a read clock listens.
    pub(crate) fn start() -> Option<Self> {
        super::activity().map(Self::of)
    }

    pub(crate) fn of(activity: Arc<Activity>) -> Self {
        activity.each(&mut |state| state.pauses += 1);
        Self(activity)
    }

    /// Whether what it belongs to is the one being polled. A connector that lost the race against a pooled
    /// connection is moved to a task of its own: the request has gone without it, and it holds up no clock.
    pub(crate) fn is_ours(&self) -> bool {
        current(|frame| frame.activity.get().is_some_and(|activity| Arc::ptr_eq(activity, &self.0))).unwrap_or(false)
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.0.resume(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activities<const N: usize>() -> [Arc<Activity>; N] {
        std::array::from_fn(|_| Arc::default())
    }

    fn pause(activity: &Arc<Activity>) -> Pause {
        Pause::of(Arc::clone(activity))
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

    #[test]
    fn the_silence_of_a_request_is_told_to_who_waits_for_it() {
        let [outer, attempt, beside] = activities();
        let task = Arc::new(Activity::of_a_task(Arc::clone(&outer)));
        attempt.belongs_to(&outer);
        beside.belongs_to(&task);
        attempt.is_silent(Duration::from_secs(2));
        beside.is_silent(Duration::from_secs(3));
        attempt.mark();
        assert_eq!([&outer, &attempt, &task].map(|one| one.silence().as_secs()), [2, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_read_in_many_attempts_remembers_none_that_has_ended() {
        let [outer, one, two] = activities();
        let uploads = pause(&one);
        for _ in 0..100 {
            let attempt = Arc::default();
            one.belongs_to(&attempt);
            two.belongs_to(&attempt);
            attempt.belongs_to(&outer);
        }
        assert!([&one, &two].into_iter().all(|answer| lock(&answer.progress).parents.len() <= 2));
        assert!(lock(&outer.progress).children <= 3);
        assert_eq!(outer.silent_since(), None, "still told of what goes on without an attempt");
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(uploads);
        assert_eq!(outer.silent_since(), Some(clock::instant()));
        tokio::time::advance(Duration::from_secs(1)).await;
        two.mark();
        assert_eq!(outer.silent_since(), Some(clock::instant()));
        drop((one, two));
        assert_eq!(lock(&outer.progress).children, 0);
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
