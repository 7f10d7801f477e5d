//! The table of keys against a naive one.

use super::{HeldState, Keys, Loss, OneKey};
use crate::Site;
use crate::registry::{Shared, Written};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

const MAX_KEYS: u32 = 4;

/// A state that remembers for whom it was used since it began.
#[derive(Debug, Default)]
struct Diary {
    key: AtomicU64,
    is_busy: AtomicBool,
    begun: AtomicU32,
}

impl Shared for Diary {
    fn written(&self) -> Written {
        Written { kind: "test", name: None, site: &Site::UNKNOWN, settings: Vec::new() }
    }

    fn label(&self) -> &'static str {
        "test"
    }
}

impl OneKey for Diary {
    const TABLE: &'static str = "test";
    const BUSY: &'static str = "busy";
    #[cfg(feature = "dashboard")]
    const KIND: &'static str = "test";

    fn loss(&self) -> Loss {
        if self.is_busy.load(Ordering::Relaxed) { Loss::Protection } else { Loss::Nothing }
    }

    fn forget(&self) -> bool {
        self.key.store(0, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        true
    }
}

fn keys() -> &'static Keys<Diary> {
    let written = Written { kind: "test", name: None, site: &Site::UNKNOWN, settings: Vec::new() };
    Box::leak(Box::new(Keys::new("test", written, MAX_KEYS, Box::new(Diary::default))))
}

#[derive(Clone, Copy, Debug)]
enum Input {
    Use(u64),
    Hold(u64),
    Release(u64),
    Busy(u64, bool),
}

fn step() -> impl Strategy<Value = Input> {
    let key = 1_u64..=8;
    prop_oneof![
        4 => key.clone().prop_map(Input::Use),
        1 => key.clone().prop_map(Input::Hold),
        1 => key.clone().prop_map(Input::Release),
        2 => (key, any::<bool>()).prop_map(|(key, busy)| Input::Busy(key, busy)),
    ]
}

/// Notes the key in its state, and checks that no other one left its note there.
fn visit(keys: &'static Keys<Diary>, key: u64) -> HeldState<'static, Diary> {
    let held = keys.hold(key);
    let state = held.state();
    if !std::ptr::eq(state, &raw const keys.at(None).state) {
        let before = state.key.swap(key, Ordering::Relaxed);
        assert!(before == 0 || before == key, "{key} got the state of {before}");
    }
    held
}

proptest! {
    #[test]
    fn no_key_meets_anothers_state_and_none_in_use_is_forgotten(steps in proptest::collection::vec(step(), 1..200)) {
        let keys = keys();
        let mut held: HashMap<u64, (HeldState<Diary>, &'static Diary)> = HashMap::new();
        let mut busy: HashMap<u64, &'static Diary> = HashMap::new();
        for step in steps {
            match step {
                Input::Use(key) => drop(visit(keys, key)),
                Input::Hold(key) => {
                    let one = visit(keys, key);
                    let state = one.state();
                    held.insert(key, (one, state));
                }
                Input::Release(key) => drop(held.remove(&key)),
                Input::Busy(key, is_busy) => {
                    let one = visit(keys, key);
                    if !std::ptr::eq(one.state(), &raw const keys.at(None).state) {
                        one.state().is_busy.store(is_busy, Ordering::Relaxed);
                        if is_busy { busy.insert(key, one.state()) } else { busy.remove(&key) };
                    }
                }
            }
            let usage = keys.usage();
            prop_assert!(usage.keys <= MAX_KEYS);
            prop_assert_eq!(usage.busy as usize, busy.len());
            for (key, state) in &busy {
                prop_assert!(std::ptr::eq(keys.hold(*key).state(), *state), "{} was forgotten while busy", key);
            }
            for (key, (_, state)) in &held {
                let is_shared = std::ptr::eq(*state, &raw const keys.at(None).state);
                prop_assert!(is_shared || std::ptr::eq(keys.hold(*key).state(), *state), "{} was forgotten while held", key);
            }
        }
    }
}

#[test]
fn what_was_used_of_late_and_what_would_be_missed_stay() {
    let keys = keys();
    for key in 1..=4 {
        drop(visit(keys, key));
    }
    // All were used: the first is as good as any.
    drop(visit(keys, 5));
    let kept: Vec<_> = (2..=5).map(|key| keys.hold(key).state().key.load(Ordering::Relaxed)).collect();
    assert_eq!(kept, [2, 3, 4, 5]);
    keys.hold(2).state().is_busy.store(true, Ordering::Relaxed);
    for key in 6..20 {
        drop(visit(keys, key));
        assert_eq!(keys.hold(2).state().key.load(Ordering::Relaxed), 2);
    }
    assert_eq!(keys.usage().busy, 1);
}

#[test]
fn two_threads_never_share_a_key_by_accident() {
    let keys = keys();
    std::thread::scope(|scope| {
        for thread in 0..2_u64 {
            scope.spawn(move || {
                for step in 0..20_000_u64 {
                    let key = 1 + thread * 100 + step % 7;
                    let held = keys.hold(key);
                    let state = held.state();
                    if std::ptr::eq(state, &raw const keys.at(None).state) {
                        continue;
                    }
                    let begun = state.begun.load(Ordering::Relaxed);
                    let before = state.key.swap(key, Ordering::Relaxed);
                    assert!(before == 0 || before == key, "{key} got the state of {before}");
                    assert_eq!(state.begun.load(Ordering::Relaxed), begun, "forgotten while held");
                }
            });
        }
    });
}
