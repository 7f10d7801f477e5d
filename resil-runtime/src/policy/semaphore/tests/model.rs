//! A million seeded random steps of acquire, wait, cancel, panic and resize.

use super::super::{Acquire, Permits, Usage};
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// What a semaphore is, without any cleverness. A waiter is served as soon as it is first and a permit is free.
struct Naive {
    limit: u32,
    in_use: u32,
    waiting: VecDeque<u64>,
    /// Handed over, not yet seen by its waiter.
    handed: Vec<u64>,
}

impl Naive {
    fn try_take(&mut self) -> bool {
        let takes = self.waiting.is_empty() && self.in_use < self.limit;
        self.in_use += u32::from(takes);
        takes
    }

    fn give_back(&mut self) {
        self.in_use -= 1;
        self.serve();
    }

    fn serve(&mut self) {
        while self.in_use < self.limit
            && let Some(first) = self.waiting.pop_front()
        {
            self.in_use += 1;
            self.handed.push(first);
        }
    }

    fn leave(&mut self, id: u64) {
        if let Some(at) = self.handed.iter().position(|handed| *handed == id) {
            self.handed.remove(at);
            self.give_back();
        } else {
            self.waiting.retain(|waiting| *waiting != id);
        }
    }

    fn usage(&self) -> Usage {
        Usage { limit: self.limit, in_use: self.in_use, waiting: self.waiting.len() }
    }
}

/// Gives a permit back however its holder ends.
struct HeldPermit<'a>(&'a Permits);

impl Drop for HeldPermit<'_> {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

fn poll(acquire: &mut Acquire<'_>) -> bool {
    matches!(Pin::new(acquire).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
}

/// Some step of all that can happen.
fn step<'a>(
    rng: &mut fastrand::Rng,
    permits: &'a Permits,
    naive: &mut Naive,
    waits: &mut Vec<(u64, Acquire<'a>)>,
    next: &mut u64,
) {
    match rng.u32(0..8) {
        0 | 1 => assert_eq!(permits.try_take(), naive.try_take()),
        2 if waits.len() < 20 => {
            let mut acquire = permits.acquire();
            let takes = naive.try_take();
            assert_eq!(poll(&mut acquire), takes);
            if !takes {
                naive.waiting.push_back(*next);
                waits.push((*next, acquire));
                *next += 1;
            }
        }
        3 if !waits.is_empty() => {
            let at = rng.usize(0..waits.len());
            let (id, acquire) = &mut waits[at];
            let handed = naive.handed.iter().position(|handed| handed == id);
            assert_eq!(poll(acquire), handed.is_some());
            if let Some(handed) = handed {
                naive.handed.remove(handed);
                drop(waits.swap_remove(at));
            }
        }
        4 if !waits.is_empty() => {
            let (id, acquire) = waits.swap_remove(rng.usize(0..waits.len()));
            drop(acquire);
            naive.leave(id);
        }
        5 if rng.u32(0..10) == 0 => {
            let limit = rng.u32(0..6);
            permits.resize(limit);
            naive.limit = limit;
            naive.serve();
        }
        // Held by somebody, and not merely on its way to a waiter.
        6 | 7 if naive.in_use as usize > naive.handed.len() => {
            if rng.u32(0..100) == 0 {
                let held = HeldPermit(permits);
                let unwound = catch_unwind(AssertUnwindSafe(|| {
                    let _held = held;
                    std::panic::resume_unwind(Box::new("while holding"));
                }));
                assert!(unwound.is_err());
            } else {
                drop(HeldPermit(permits));
            }
            naive.give_back();
        }
        _ => {}
    }
}

#[test]
fn no_permit_is_lost_in_a_million_random_steps() {
    for seed in 0..10 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let permits = Permits::new(3);
        let mut naive = Naive { limit: 3, in_use: 0, waiting: VecDeque::new(), handed: Vec::new() };
        let mut waits = Vec::new();
        let mut next = 0;
        for number in 0..100_000 {
            step(&mut rng, &permits, &mut naive, &mut waits, &mut next);
            assert_eq!(permits.snapshot(), naive.usage(), "seed {seed}, step {number}");
        }
        // Everybody leaves: every permit is free again.
        for (id, acquire) in waits {
            drop(acquire);
            naive.leave(id);
        }
        for _ in 0..naive.in_use {
            permits.give_back();
        }
        permits.resize(4);
        assert_eq!(permits.snapshot(), Usage { limit: 4, in_use: 0, waiting: 0 });
        assert_eq!((0..10).filter(|_| permits.try_take()).count(), 4);
    }
}

#[test]
fn nobody_overtakes_a_waiter() {
    let permits = Permits::new(1);
    assert!(permits.try_take());
    let mut waiter = permits.acquire();
    assert!(!poll(&mut waiter));
    permits.give_back();
    assert!(!permits.try_take(), "it is the waiter's");
    assert!(poll(&mut waiter));
}

#[test]
fn of_no_permits_none_can_be_taken_until_there_are_some() {
    let permits = Permits::new(0);
    let mut waiter = permits.acquire();
    assert!(!permits.try_take() && !poll(&mut waiter));
    permits.resize(1);
    assert!(poll(&mut waiter));
}
