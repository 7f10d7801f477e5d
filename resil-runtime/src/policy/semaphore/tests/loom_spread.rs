//! Permits that are spread over shards, in every interleaving. Loom's threads are one to `thread_number`, so each says which
//! shard it means.

use super::super::{Permits, Usage};
use ::loom::sync::Arc;
use ::loom::thread;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

/// All free, and but for the remainder in the shards of both threads.
fn spread(limit: u32) -> Arc<Permits> {
    let permits = Arc::new(Permits::new(limit));
    for shard in 0..2 {
        assert!(permits.take_spread(shard));
        permits.give_spread(shard);
    }
    assert!(permits.balance.is_spread());
    permits
}

#[test]
fn who_finds_its_shard_empty_is_not_refused_while_the_other_has_one() {
    ::loom::model(|| {
        let permits = spread(3);
        let other = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || {
                assert!(permits.take_spread(0), "at most one is out");
                permits.give_spread(0);
            })
        };
        assert!(permits.take_spread(1) && permits.take_spread(1), "at most two are out");
        other.join().unwrap();
        assert_eq!(permits.snapshot(), Usage { limit: 3, in_use: 2, waiting: 0 });
    });
}

#[test]
fn of_two_who_ask_for_the_last_one_gets_it() {
    ::loom::model(|| {
        let permits = spread(3);
        assert!(permits.take_spread(0) && permits.take_spread(0));
        let other = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.take_spread(0))
        };
        let mine = permits.take_spread(1);
        assert!(mine ^ other.join().unwrap());
    });
}

#[test]
fn what_comes_back_to_a_shard_while_somebody_begins_to_wait_is_handed_over() {
    ::loom::model(|| {
        let permits = spread(3);
        assert!(permits.take_spread(0) && permits.take_spread(1));
        let giver = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.give_spread(0))
        };
        assert!(permits.take_spread(1));
        let mut waiter = permits.acquire();
        let mut poll = || Pin::new(&mut waiter).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        let at_once = poll();
        giver.join().unwrap();
        assert!(at_once || poll(), "nobody else can have it");
        assert_eq!(permits.snapshot(), Usage { limit: 3, in_use: 3, waiting: 0 });
    });
}

#[test]
fn a_resize_that_races_a_permit_coming_back_to_a_shard_loses_none() {
    ::loom::model(|| {
        let permits = spread(3);
        assert!(permits.take_spread(0));
        let giver = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.give_spread(0))
        };
        permits.resize(1);
        giver.join().unwrap();
        assert_eq!(permits.snapshot(), Usage { limit: 1, in_use: 0, waiting: 0 });
        assert!(permits.take_spread(1) && !permits.take_spread(0));
    });
}

#[test]
fn a_look_sees_what_is_out_at_one_moment() {
    ::loom::model(|| {
        let permits = spread(3);
        assert!(permits.take_spread(0));
        // It is always one or two.
        let other = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || {
                assert!(permits.take_spread(1));
                permits.give_spread(0);
            })
        };
        assert!([1, 2].contains(&permits.snapshot().in_use));
        other.join().unwrap();
        assert_eq!(permits.snapshot(), Usage { limit: 3, in_use: 1, waiting: 0 });
    });
}
