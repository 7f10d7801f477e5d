use super::super::{Acquire, Permits, Usage};
use ::loom::sync::Arc;
use ::loom::thread;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

fn poll(acquire: &mut Acquire<'_>) -> bool {
    matches!(Pin::new(acquire).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
}

const ALL_FREE: Usage = Usage { limit: 1, in_use: 0, waiting: 0 };

#[test]
fn a_waiter_that_joins_while_a_permit_comes_back_is_served() {
    ::loom::model(|| {
        let permits = Arc::new(Permits::new(1));
        assert!(permits.try_take());
        let giver = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.give_back())
        };
        let mut waiter = permits.acquire();
        let at_once = poll(&mut waiter);
        giver.join().unwrap();
        assert!(at_once || poll(&mut waiter), "nobody else can have it");
        permits.give_back();
        assert_eq!(permits.snapshot(), ALL_FREE);
    });
}

#[test]
fn a_waiter_that_leaves_while_a_permit_comes_back_loses_nothing() {
    ::loom::model(|| {
        let permits = Arc::new(Permits::new(1));
        assert!(permits.try_take());
        let giver = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.give_back())
        };
        let mut waiter = permits.acquire();
        if poll(&mut waiter) {
            permits.give_back();
        }
        drop(waiter);
        giver.join().unwrap();
        assert_eq!(permits.snapshot(), ALL_FREE);
        assert!(permits.try_take());
    });
}

#[test]
fn two_takers_of_one_permit_never_both_have_it() {
    ::loom::model(|| {
        let permits = Arc::new(Permits::new(1));
        let other = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.try_take())
        };
        let mine = permits.try_take();
        let theirs = other.join().unwrap();
        assert!(mine ^ theirs);
    });
}

#[test]
fn a_resize_that_races_a_permit_coming_back_serves_the_waiter_once() {
    ::loom::model(|| {
        let permits = Arc::new(Permits::new(1));
        assert!(permits.try_take());
        let mut waiter = permits.acquire();
        assert!(!poll(&mut waiter));
        let giver = {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.give_back())
        };
        permits.resize(2);
        giver.join().unwrap();
        assert!(poll(&mut waiter));
        assert_eq!(permits.snapshot(), Usage { limit: 2, in_use: 1, waiting: 0 });
    });
}
