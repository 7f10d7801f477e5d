//! What one limit, or one key of it, holds: a word, and a queue where somebody has waited.

use super::{Gcra, Line, Ticket};
use crate::clock::Nanos;
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering, lock};
use std::sync::OnceLock;
use std::task::Waker;

/// The bucket of the [`Gcra`], shared by all callers.
///
/// The word holds the moment when it is full again, above three flags; with any of them set, a caller looks at the queue. So
/// nobody overtakes a waiter, nobody passes a pause, and nobody takes a token at a rate that is in force no more.
#[derive(Debug)]
pub(super) struct Bucket {
    word: AtomicU64,
    /// So that a limit which nobody waits for stays small.
    queue: OnceLock<Box<Queue>>,
}

/// Somebody waits.
const WAITED_FOR: u64 = 1;
/// Nothing begins before `paused_until`.
const PAUSED: u64 = 1 << 1;
/// The machine is not as it was set up. It never is again.
const CHANGED: u64 = 1 << 2;
const FLAGS: u64 = WAITED_FOR | PAUSED | CHANGED;
const BITS: u32 = 3;

/// Changed under the lock of the line, read without.
#[derive(Debug)]
struct Queue {
    paused_until: AtomicU64,
    /// How long what is waited for takes to come.
    ahead: AtomicU64,
    line: Mutex<Line>,
    /// The machine, once it was changed.
    changed: Mutex<Option<Gcra>>,
}

/// What somebody who waits finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has taken its tokens and left the line.
    Now,
    /// It is the first, and they are there at this moment.
    At(Nanos),
    /// It will be woken when it is the first.
    Behind,
}

impl Bucket {
    /// A full one.
    pub(super) fn new() -> Self {
        Self { word: AtomicU64::new(0), queue: OnceLock::new() }
    }

    /// An empty one, into which tokens are put by hand.
    pub(super) fn empty(gcra: &Gcra) -> Self {
        Self { word: AtomicU64::new(gcra.empty() << BITS), queue: OnceLock::new() }
    }

    /// Puts so many tokens in.
    pub(super) fn deposit(&self, gcra: &Gcra, tokens: u32) {
        let time = gcra.time_of(tokens);
        let put = |word: u64| Some((word >> BITS).saturating_sub(time) << BITS | word & FLAGS);
        _ = self.word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, put);
    }

    /// Wakes the first who waits, or all of them.
    pub(super) fn wake(&self, all: bool) {
        let Some(queue) = self.queue.get() else { return };
        let wakers = if all { queue.lock().wakes_all() } else { queue.lock().wakes_first().into_iter().collect() };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// How long what is waited for takes to come.
    pub(super) fn ahead(&self) -> Nanos {
        self.queue.get().map_or(0, |queue| queue.ahead.load(Ordering::Relaxed))
    }

    /// Takes so many tokens, or says how long the wait for them is. Takes no lock.
    #[inline]
    pub(super) fn take(&self, gcra: &Gcra, cost: u32, now: Nanos) -> Result<(), Nanos> {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & FLAGS == 0 {
            let next = gcra.take(word >> BITS, cost, now)?;
            match self.word.compare_exchange_weak(word, next << BITS, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => word = other,
            }
        }
        self.take_later(gcra, cost, now)
    }

    /// A pause that has passed is taken off. Else it is the wait behind all who wait.
    #[cold]
    fn take_later(&self, gcra: &Gcra, cost: u32, now: Nanos) -> Result<(), Nanos> {
        let queue = self.queue();
        let word = self.word.load(Ordering::Relaxed);
        let paused_until = queue.paused_until.load(Ordering::Relaxed);
        if word & PAUSED != 0 && paused_until <= now && self.end_pause(queue, now) {
            return self.take(gcra, cost, now);
        }
        if word & CHANGED != 0 {
            let line = queue.lock();
            if line.is_empty() {
                return self.take_first(queue, gcra, cost, now);
            }
        }
        Err(self.wait(gcra, cost, now))
    }

    /// How long somebody who comes now would wait; at least a moment.
    pub(super) fn wait(&self, gcra: &Gcra, cost: u32, now: Nanos) -> Nanos {
        let gcra = &self.in_force(gcra);
        let word = self.word.load(Ordering::Relaxed);
        let behind = (word >> BITS).max(gcra.moment(now)).saturating_add(self.ahead());
        let paused = self.paused_until(now).map_or(0, |until| until - now);
        gcra.take(behind, cost, now).err().unwrap_or(1).max(paused)
    }

    /// Stands in the line; `None` if the tokens were there and have been taken instead.
    #[cold]
    pub(super) fn join(&self, gcra: &Gcra, cost: u32, now: Nanos, waker: Waker) -> Option<Ticket> {
        let queue = self.queue();
        let mut line = queue.lock();
        if line.is_empty() && self.take_first(queue, gcra, cost, now).is_ok() {
            return None;
        }
        self.word.fetch_or(WAITED_FOR, Ordering::Relaxed);
        let time = self.in_force(gcra).time_of(cost);
        queue.ahead_by(|ahead| ahead.saturating_add(time));
        Some(line.join(waker))
    }

    /// Takes the tokens if it is this one's turn, and not before the first of these moments; the second is now.
    #[cold]
    pub(super) fn turn(
        &self,
        gcra: &Gcra,
        ticket: Ticket,
        cost: u32,
        (not_before, now): (Nanos, Nanos),
        waker: Waker,
    ) -> Turn {
        let queue = self.queue();
        let mut line = queue.lock();
        let found = if !line.is_first(ticket) {
            Turn::Behind
        } else if not_before > now {
            Turn::At(not_before)
        } else {
            self.take_first(queue, gcra, cost, now)
                .map_or_else(|wait| Turn::At(now.saturating_add(wait)), |()| Turn::Now)
        };
        if found == Turn::Now {
            self.out(queue, line, gcra, ticket, cost);
        } else {
            let replaced = line.exchange(ticket, waker);
            drop(line);
            drop(replaced);
        }
        found
    }

    /// Leaves the line, and costs nothing.
    #[cold]
    pub(super) fn leave(&self, gcra: &Gcra, ticket: Ticket, cost: u32) {
        let queue = self.queue();
        self.out(queue, queue.lock(), gcra, ticket, cost);
    }

    fn out(&self, queue: &Queue, mut line: MutexGuard<'_, Line>, gcra: &Gcra, ticket: Ticket, cost: u32) {
        let was_first = line.is_first(ticket);
        let left = line.leave(ticket);
        let time = self.in_force(gcra).time_of(cost);
        queue.ahead_by(|ahead| ahead.saturating_sub(time));
        if line.is_empty() {
            queue.ahead_by(|_| 0);
            self.word.fetch_and(!WAITED_FOR, Ordering::Relaxed);
        }
        let next = was_first.then(|| line.wakes_first()).flatten();
        drop(line);
        drop(left);
        next.into_iter().for_each(Waker::wake);
    }

    /// *Locked*: takes the tokens, whoever waits. Others can only take some until somebody waits.
    fn take_first(&self, queue: &Queue, gcra: &Gcra, cost: u32, now: Nanos) -> Result<(), Nanos> {
        let mut word = self.word.load(Ordering::Relaxed);
        let gcra = &self.in_force(gcra);
        loop {
            let paused = if word & PAUSED == 0 { 0 } else { queue.paused_until.load(Ordering::Relaxed) };
            let taken = gcra.take(word >> BITS, cost, now);
            if paused > now {
                return Err(taken.err().unwrap_or(0).max(paused - now));
            }
            let next = taken? << BITS | word & !PAUSED & FLAGS;
            match self.word.compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => word = other,
            }
        }
    }

    /// Lets nothing begin before this moment. A shorter pause shortens none; `false` then.
    pub(super) fn pause(&self, until: Nanos) -> bool {
        let queue = self.queue();
        let mut line = queue.lock();
        if until <= queue.paused_until.load(Ordering::Relaxed) {
            return false;
        }
        queue.paused_until.store(until, Ordering::Relaxed);
        self.word.fetch_or(PAUSED, Ordering::Relaxed);
        let wakers = line.wakes_all();
        drop(line);
        // Some of them wait for less.
        wakers.into_iter().for_each(Waker::wake);
        true
    }

    /// Under the lock, so that no later pause is taken off. `false` if there is one.
    fn end_pause(&self, queue: &Queue, now: Nanos) -> bool {
        let _line = queue.lock();
        let is_over = queue.paused_until.load(Ordering::Relaxed) <= now;
        if is_over {
            self.word.fetch_and(!PAUSED, Ordering::Relaxed);
        }
        is_over
    }

    /// When the pause under way ends, if there is one.
    pub(super) fn paused_until(&self, now: Nanos) -> Option<Nanos> {
        let until = self.queue.get()?.paused_until.load(Ordering::Relaxed);
        (until > now).then_some(until)
    }

    /// Goes on with another machine; `false` if it is the one that it has. Nothing is lost and nothing given: see
    /// [`taking_over`](Gcra::taking_over).
    #[cfg(any(feature = "config", test))]
    pub(super) fn change(&self, as_set_up: &Gcra, new: Gcra, now: Nanos) -> bool {
        if self.in_force(as_set_up) == new {
            return false;
        }
        let queue = self.queue();
        let _line = queue.lock();
        // From here on a token is taken under the lock alone; who has read the word before finds another one.
        let word = self.word.fetch_or(CHANGED, Ordering::Relaxed);
        let old = lock(&queue.changed).replace(new).unwrap_or(*as_set_up);
        let full_at = new.taking_over(&old, word >> BITS, now);
        self.word.store(full_at << BITS | word & FLAGS | CHANGED, Ordering::Relaxed);
        queue.ahead_by(|ahead| new.time_in(&old, ahead));
        true
    }

    /// The machine as it is now. Nobody changes it but under the lock of the line.
    fn in_force(&self, as_set_up: &Gcra) -> Gcra {
        if self.word.load(Ordering::Relaxed) & CHANGED == 0 {
            return *as_set_up;
        }
        self.queue.get().and_then(|queue| *lock(&queue.changed)).unwrap_or(*as_set_up)
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.get().map_or(0, |queue| queue.lock().len())
    }

    pub(super) fn tokens(&self, gcra: &Gcra, now: Nanos) -> i64 {
        self.in_force(gcra).tokens(self.word.load(Ordering::Relaxed) >> BITS, now)
    }

    /// Whether a new one would do as well.
    pub(super) fn is_as_new(&self, now: Nanos) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        word >> BITS <= now && word & WAITED_FOR == 0 && self.paused_until(now).is_none()
    }

    fn queue(&self) -> &Queue {
        self.queue.get_or_init(|| {
            let (paused_until, ahead) = (AtomicU64::new(0), AtomicU64::new(0));
            Box::new(Queue { paused_until, ahead, line: Mutex::new(Line::new()), changed: Mutex::new(None) })
        })
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Line> {
        lock(&self.line)
    }

    /// *Locked*.
    fn ahead_by(&self, change: impl FnOnce(Nanos) -> Nanos) {
        self.ahead.store(change(self.ahead.load(Ordering::Relaxed)), Ordering::Relaxed);
    }
}
