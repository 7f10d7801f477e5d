//! The permits of one semaphore between several threads.
//!
//! As long as no two threads meet at the balance, all free permits are there. Where they do meet again and again, the free
//! ones are *spread*: each thread that asks takes from a shard of its own and gives back to it. A thread that finds its
//! shard empty *gathers* them all under the lock, so that none is refused while another shard has one, and whoever is about
//! to wait does the same, so that everything that comes back meanwhile is handed to the line.

use super::balance::Take;
use super::shards::{SHARDS, Shard};
use super::{Line, Open, Permits};
use crate::sync::{Ordering, thread_number};

/// How often threads must meet before the permits are spread: less often, and gathering them would cost more.
const MEETINGS: u32 = 16;

/// How many each shard must get, for the same reason.
const LEAST: i64 = if cfg!(resil_loom) { 1 } else { 4 };

impl Permits {
    /// The same as `try_take`, after another thread was at the balance.
    #[cold]
    pub(super) fn take_contended(&self) -> bool {
        loop {
            if self.meetings.fetch_add(1, Ordering::Relaxed) % MEETINGS == MEETINGS - 1 {
                return self.take_of_all(thread_number());
            }
            match self.balance.take() {
                Take::Taken => return true,
                Take::Refused => return false,
                Take::Spread => return self.take_spread(thread_number()),
                Take::Contended => {}
            }
        }
    }

    /// The same as `try_take`, from this thread's shard.
    pub(super) fn take_spread(&self, thread: usize) -> bool {
        self.shards.get().is_some_and(|shards| shards[thread % SHARDS].take()) || self.take_of_all(thread)
    }

    /// The same as `try_take_beyond`: how many are free is known while they are in one place.
    #[cfg(feature = "tower")]
    pub(super) fn take_spread_beyond(&self, reserved: u32) -> bool {
        let mut line = self.lock();
        let open = self.gather(&mut line);
        let taken = self.balance.take_beyond(reserved);
        if line.is_empty() {
            self.spread(&mut line, open);
        }
        taken
    }

    /// The same as `give_back`, to this thread's shard.
    pub(super) fn give_spread(&self, thread: usize) {
        let is_kept = self.shards.get().is_some_and(|shards| shards[thread % SHARDS].give());
        if !is_kept && self.balance.give() {
            self.hand_over();
        }
    }

    /// Takes a permit wherever one is, and spreads the others over the shards of those who asked.
    #[cold]
    fn take_of_all(&self, thread: usize) -> bool {
        let mut line = self.lock();
        let open = self.gather(&mut line);
        let taken = loop {
            match self.balance.take() {
                Take::Contended => {}
                took => break matches!(took, Take::Taken),
            }
        };
        if line.is_empty() {
            self.spread(&mut line, open.and(thread));
        }
        taken
    }

    /// With nobody in the line: gives each of these shards as many, unless that is too few.
    pub(super) fn spread(&self, line: &mut Line, open: Open) {
        if open != Open::NONE
            && let Some(share) = self.balance.spread(open.count(), LEAST)
        {
            let shards = self.shards.get_or_init(|| Box::new(std::array::from_fn(|_| Shard::closed())));
            open.of(shards).for_each(|shard| shard.open(share));
            line.open = open;
        }
    }

    /// Closes all shards, and puts what they had into the balance, which then alone decides. Says which were open.
    pub(super) fn gather(&self, line: &mut Line) -> Open {
        let open = std::mem::replace(&mut line.open, Open::NONE);
        if open != Open::NONE
            && let Some(shards) = self.shards.get()
        {
            self.balance.gather(open.of(shards).map(Shard::close).sum());
        }
        open
    }
}
