//! One state for each key, bounded in number.

use crate::registry::{Written, events};
use crate::sync::{AtomicBool, AtomicU32, Mutex, Ordering, lock};
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use super::KeyUsage;

/// How many keys are looked at to find one that can be forgotten, so that no call pays for all of them.
const LOOKED_AT: usize = 64;

/// What one key has.
pub(crate) trait OneKey: Send + Sync + 'static {
    /// What would be lost if the key were forgotten now.
    fn loss(&self) -> Loss;
    /// Begins anew, for another key, unless protection would be lost by it.
    #[must_use]
    fn forget(&self) -> bool;
}

/// What forgetting a key costs, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loss {
    /// Nothing that a new state would not know as well.
    Nothing,
    /// Some failures that were counted.
    Memory,
    /// An open circuit, a permit in use, an operator's word: never forgotten.
    Protection,
}

/// The states of all keys of one policy. A key is known by its hash alone: it is neither kept nor shown.
///
/// States are never freed: the one of a forgotten key serves the next. So a call can hold on to its state by a plain
/// reference, and the number of keys bounds the memory.
pub(crate) struct Keys<T: 'static> {
    pub(crate) label: &'static str,
    /// What the first site to use it asked for.
    pub(crate) written: Written,
    max_keys: u32,
    new: Box<dyn Fn() -> T + Send + Sync>,
    table: Mutex<Table<T>>,
    /// Shared by the keys that find no place.
    rest: &'static Place<T>,
}

struct Table<T: 'static> {
    keys: Vec<Key<T>>,
    by_hash: HashMap<u64, &'static Place<T>, BuildHasherDefault<Hashed>>,
    /// Where the search for a key to forget goes on.
    hand: usize,
    /// Whether the last new key found no place.
    is_full: bool,
}

struct Key<T: 'static> {
    hash: u64,
    place: &'static Place<T>,
}

struct Place<T> {
    state: T,
    /// How many are about to use it, and must find it belonging to the same key.
    holds: AtomicU32,
    /// Whether it was used since the search last came by.
    is_used: AtomicBool,
}

impl<T: OneKey> Keys<T> {
    pub(crate) fn new(
        label: &'static str,
        written: Written,
        max_keys: u32,
        new: Box<dyn Fn() -> T + Send + Sync>,
    ) -> Self {
        let rest = Place::leaked(new());
        let table = Table { keys: Vec::new(), by_hash: HashMap::default(), hand: 0, is_full: false };
        Self { label, written, max_keys, new, table: Mutex::new(table), rest }
    }

    /// The state of the key with this hash, which stays its own at least as long as it is held.
    pub(crate) fn hold(&self, hash: u64) -> Held<T> {
        let mut table = lock(&self.table);
        let was_full = table.is_full;
        let place = table.find(hash).or_else(|| self.place(&mut table, hash));
        // Before the lock is released, so that no other key gets it meanwhile.
        let held = place.unwrap_or(self.rest).hold();
        let is_full = table.is_full;
        drop(table);
        if is_full && !was_full {
            events::keys_full(self.written.kind, self.label, self.max_keys);
        }
        held
    }

    pub(super) fn max_keys(&self) -> u32 {
        self.max_keys
    }

    /// The state that keys without a place share. Every key's is set up alike.
    pub(super) fn shared(&self) -> &'static T {
        &self.rest.state
    }

    pub(super) fn usage(&self) -> KeyUsage {
        let table = lock(&self.table);
        let busy = table.keys.iter().filter(|key| key.place.state.loss() == Loss::Protection);
        // There are never more than `max_keys`.
        let count = |number: usize| u32::try_from(number).unwrap_or(self.max_keys);
        KeyUsage { max_keys: self.max_keys, busy: count(busy.count()), keys: count(table.keys.len()) }
    }

    /// A place for a new key: a new one, or that of a key which can be forgotten.
    fn place(&self, table: &mut Table<T>, hash: u64) -> Option<&'static Place<T>> {
        let place = if table.keys.len() < self.max_keys as usize {
            Some(table.add(hash, Place::leaked((self.new)())))
        } else {
            table.forget_one_for(hash)
        };
        table.is_full = place.is_none();
        place
    }
}

impl<T: OneKey> Table<T> {
    fn find(&self, hash: u64) -> Option<&'static Place<T>> {
        self.by_hash.get(&hash).copied()
    }

    /// Grows by an eighth, not to twice its size: the states are counted in bytes.
    fn add(&mut self, hash: u64, place: &'static Place<T>) -> &'static Place<T> {
        if self.keys.len() == self.keys.capacity() {
            self.keys.reserve_exact(self.keys.len() / 8 + 8);
        }
        self.keys.push(Key { hash, place });
        self.by_hash.insert(hash, place);
        place
    }

    /// Gives the new key the place of the one that is missed the least among the next few: not used of late, nothing
    /// counted.
    fn forget_one_for(&mut self, hash: u64) -> Option<&'static Place<T>> {
        let mut best = None;
        for _ in 0..LOOKED_AT.min(self.keys.len()) {
            let index = self.hand;
            self.hand = (index + 1) % self.keys.len();
            let place = self.keys.get(index)?.place;
            let cost = (place.is_used.swap(false, Ordering::Relaxed), place.state.loss());
            if place.is_held() || cost.1 == Loss::Protection {
                continue;
            }
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, index));
            }
            if cost == (false, Loss::Nothing) {
                break;
            }
        }
        let key = self.keys.get_mut(best?.1)?;
        if !key.place.state.forget() {
            return None;
        }
        self.by_hash.remove(&std::mem::replace(&mut key.hash, hash));
        self.by_hash.insert(hash, key.place);
        Some(key.place)
    }
}

impl<T> Place<T> {
    fn leaked(state: T) -> &'static Self {
        Box::leak(Box::new(Self { state, holds: AtomicU32::new(0), is_used: AtomicBool::new(false) }))
    }

    fn hold(&'static self) -> Held<T> {
        self.holds.fetch_add(1, Ordering::Relaxed);
        self.is_used.store(true, Ordering::Relaxed);
        Held(self)
    }

    fn is_held(&self) -> bool {
        self.holds.load(Ordering::Acquire) > 0
    }
}

/// A state that stays its key's own until this is dropped.
pub(crate) struct Held<T: 'static>(&'static Place<T>);

impl<T> Held<T> {
    pub(crate) fn state(&self) -> &'static T {
        &self.0.state
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        self.0.holds.fetch_sub(1, Ordering::Release);
    }
}

impl<T> fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}

impl<T> fmt::Debug for Keys<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("label", &self.label).field("max_keys", &self.max_keys).finish_non_exhaustive()
    }
}

/// A hash of a hash: itself.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
