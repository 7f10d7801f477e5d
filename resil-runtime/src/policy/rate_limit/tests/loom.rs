//! Every interleaving. Run with `RUSTFLAGS="--cfg resil_loom" cargo test --release --lib loom`.

use super::super::bucket::Turn;
use super::super::{Bucket, Gcra};
use ::loom::sync::Arc;
use ::loom::thread;
use std::task::Waker;

const ONE: Gcra = Gcra::new(10, 1);

fn noop() -> Waker {
    Waker::noop().clone()
}

#[test]
fn two_takers_of_one_token_never_both_have_it() {
    ::loom::model(|| {
        let bucket = Arc::new(Bucket::new());
        let other = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.take(&ONE, 1, 0).is_ok())
        };
        let mine = bucket.take(&ONE, 1, 0).is_ok();
        assert!(mine != other.join().unwrap(), "one of them has it");
    });
}

#[test]
fn a_waiter_and_a_taker_never_both_have_the_next_token() {
    ::loom::model(|| {
        let bucket = Arc::new(Bucket::new());
        bucket.take(&ONE, 1, 0).unwrap();
        let other = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.take(&ONE, 1, 10).is_ok())
        };
        let waits = match bucket.join(&ONE, 1, 10, noop()) {
            None => true,
            Some(ticket) => {
                let turn = bucket.turn(&ONE, ticket, 1, (0, 10), noop());
                bucket.leave(&ONE, ticket, 1);
                turn == Turn::Now
            }
        };
        assert!(waits != other.join().unwrap(), "one of them has it");
        assert_eq!(bucket.waiting(), 0);
        assert!(bucket.take(&ONE, 1, 20).is_ok(), "nobody is waited for any more");
    });
}

#[test]
fn a_pause_that_begins_while_another_ends_is_kept() {
    ::loom::model(|| {
        let bucket = Arc::new(Bucket::new());
        bucket.pause(10);
        let other = {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || bucket.pause(100))
        };
        // It may take off the first, and never the second.
        _ = bucket.take(&ONE, 1, 10);
        other.join().unwrap();
        assert_eq!(bucket.take(&ONE, 1, 50), Err(50));
    });
}
