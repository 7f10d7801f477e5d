//! What comes while others are under way goes together next: the more comes, the fewer statements and commits it takes. Whoever
//! is alone waits for nobody.

use crate::sync::{AtomicU64, Mutex, Ordering, lock};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// What is done with those that have come together.
pub(super) trait Together: Send + Sync + 'static {
    type Member: Send + 'static;
    type Told: Send + 'static;

    /// How many may go together now.
    fn most(&self) -> usize;

    /// How many groups may be under way at once.
    fn at_once(&self) -> usize;

    /// Does it for all of them, and tells each.
    fn run(&self, group: Vec<Waiting<Self::Member, Self::Told>>) -> impl Future<Output = ()> + Send;
}

/// How something that was to be done with others has come along.
pub(super) enum Joined<G: Together> {
    /// With others, in a task of its own.
    Told(G::Told),
    /// Nobody else has come: to be done by whoever joined.
    Alone(Lead<G>),
    /// That task was ended: what it was doing may be done.
    Gone,
}

/// One that waits to be told.
pub(super) struct Waiting<M, T> {
    pub(super) member: M,
    told: oneshot::Sender<T>,
    number: u64,
}

impl<M, T> Waiting<M, T> {
    pub(super) fn tell(self, what: T) {
        // Nobody may want to know any more.
        _ = self.told.send(what);
    }

    fn is_gone(&self) -> bool {
        self.told.is_closed()
    }
}

pub(super) struct Gathering<G: Together> {
    together: G,
    line: Mutex<Line<Waiting<G::Member, G::Told>>>,
    joined: AtomicU64,
}

impl<G: Together> Gathering<G> {
    pub(super) fn new(together: G) -> Arc<Self> {
        Arc::new(Self { together, line: Mutex::new(Line::new()), joined: AtomicU64::new(0) })
    }

    pub(super) fn together(&self) -> &G {
        &self.together
    }

    /// Has it done with others that come at the same time, which goes on if this is dropped.
    pub(super) async fn join(self: &Arc<Self>, member: G::Member) -> Joined<G> {
        let (told, hears) = oneshot::channel();
        let number = self.joined.fetch_add(1, Ordering::Relaxed);
        if lock(&self.line).join(Waiting { member, told, number }, self.together.at_once()) {
            let lead = Lead(Arc::clone(self));
            // Those that are ready to run now may come along.
            tokio::task::yield_now().await;
            if lock(&self.line).take_alone(|one| one.number == number) {
                return Joined::Alone(lead);
            }
        }
        hears.await.map_or(Joined::Gone, Joined::Told)
    }
}

/// The place of a group that is under way. Whoever comes while it is kept goes next, when it is dropped.
pub(super) struct Lead<G: Together>(Arc<Gathering<G>>);

impl<G: Together> Lead<G> {
    /// Keeps it while this runs, and for so long at most.
    pub(super) async fn during<F: Future>(self, bound: Duration, running: F) -> F::Output {
        let mut running = pin!(running);
        if let Ok(ended) = timeout(bound, &mut running).await {
            return ended;
        }
        drop(self);
        running.await
    }
}

impl<G: Together> Drop for Lead<G> {
    fn drop(&mut self) {
        if !lock(&self.0.line).goes_on() {
            return;
        }
        let run = Run { of: Arc::clone(&self.0), has_ended: false };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(run.run());
        }
    }
}

/// Those who wait, and how many groups are under way.
#[derive(Debug)]
struct Line<W> {
    waiting: VecDeque<W>,
    runs: usize,
}

impl<W> Line<W> {
    fn new() -> Self {
        Self { waiting: VecDeque::new(), runs: 0 }
    }

    /// Whether somebody has to lead, because there are not so many who do.
    fn join(&mut self, one: W, at_once: usize) -> bool {
        self.waiting.push_back(one);
        let begins = self.runs < at_once;
        self.runs += usize::from(begins);
        begins
    }

    /// Takes this one out, if it is the only one.
    fn take_alone(&mut self, is_this: impl Fn(&W) -> bool) -> bool {
        let is_alone = self.waiting.len() == 1 && self.waiting.iter().all(is_this);
        if is_alone {
            self.waiting.clear();
        }
        is_alone
    }

    /// Whether somebody waits; if not, this run is over.
    fn goes_on(&mut self) -> bool {
        let goes_on = !self.waiting.is_empty();
        self.runs -= usize::from(!goes_on);
        goes_on
    }

    /// The next ones to go together. `None` if there are none: this run is over.
    fn next(&mut self, most: usize, is_gone: impl Fn(&W) -> bool) -> Option<Vec<W>> {
        self.waiting.retain(|one| !is_gone(one));
        let some = self.waiting.len().min(most.max(1));
        if some == 0 {
            self.runs -= 1;
            return None;
        }
        Some(self.waiting.drain(..some).collect())
    }

    /// A run was cut off. Nobody may be there to go on: those who wait are let go.
    fn cut_off(&mut self) -> VecDeque<W> {
        self.runs -= 1;
        std::mem::take(&mut self.waiting)
    }
}

/// Takes group after group, until nobody waits.
struct Run<G: Together> {
    of: Arc<Gathering<G>>,
    has_ended: bool,
}

impl<G: Together> Run<G> {
    async fn run(mut self) {
        loop {
            let most = self.of.together.most();
            self.gather(most).await;
            let next = lock(&self.of.line).next(most, Waiting::is_gone);
            let Some(group) = next else { break };
            self.of.together.run(group).await;
        }
        self.has_ended = true;
    }

    /// Those that are ready to run now may come along, for as long as others come meanwhile.
    async fn gather(&self, most: usize) {
        let mut before = 0;
        loop {
            tokio::task::yield_now().await;
            let now = lock(&self.of.line).waiting.len();
            if now <= 1 || now == before || now >= most {
                return;
            }
            before = now;
        }
    }
}

impl<G: Together> Drop for Run<G> {
    fn drop(&mut self) {
        if !self.has_ended {
            let let_go = lock(&self.of.line).cut_off();
            drop(let_go);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: fn(&u32) -> bool = |_| false;

    #[test]
    fn who_comes_while_others_are_under_way_goes_next() {
        let mut line = Line::new();
        assert!(line.join(1, 1), "somebody has to run");
        assert_eq!(line.next(16, ALL), Some(vec![1]), "whoever is alone waits for nobody");
        for one in 2..=5 {
            assert!(!line.join(one, 1), "somebody runs");
        }
        assert_eq!(line.next(3, ALL), Some(vec![2, 3, 4]), "no more than may go together");
        assert_eq!(line.next(3, ALL), Some(vec![5]));
        assert_eq!(line.next(3, ALL), None);
        assert!(line.join(6, 1), "that run is over");
    }

    #[test]
    fn so_many_groups_are_under_way_at_once() {
        let mut line = Line::new();
        assert!(line.join(1, 2));
        assert!(line.join(2, 2));
        assert!(!line.join(3, 2));
        assert_eq!(line.next(0, ALL), Some(vec![1]), "one always goes");
        assert_eq!(line.next(16, ALL), Some(vec![2, 3]));
        assert_eq!(line.next(16, ALL), None);
        assert!(line.join(4, 2), "one of the two is over");
    }

    #[test]
    fn only_one_that_is_alone_goes_by_itself() {
        let mut line = Line::new();
        assert!(line.join(1, 1));
        assert!(!line.take_alone(|one| *one == 2), "another one");
        assert!(line.take_alone(|one| *one == 1));
        assert!(!line.join(2, 1), "it is under way");
        assert!(!line.join(3, 1));
        assert!(!line.take_alone(|one| *one == 2));
        assert!(line.goes_on());
        assert_eq!(line.next(16, ALL), Some(vec![2, 3]));
        assert!(!line.goes_on());
        assert!(line.join(4, 1), "nobody is under way");
    }

    #[test]
    fn who_is_gone_is_left_out() {
        let mut line = Line::new();
        for one in 1..=4 {
            line.join(one, 1);
        }
        assert_eq!(line.next(2, |one| one % 2 == 0), Some(vec![1, 3]));
        line.join(6, 1);
        assert_eq!(line.next(2, |one| one % 2 == 0), None);
    }

    #[test]
    fn a_run_that_was_cut_off_holds_nobody_back() {
        let mut line = Line::new();
        line.join(1, 1);
        line.join(2, 1);
        assert_eq!(line.next(1, ALL), Some(vec![1]));
        assert_eq!(line.cut_off(), [2]);
        assert!(line.join(3, 1));
    }
}
