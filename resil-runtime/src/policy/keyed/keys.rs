//! One state for each key, bounded in number.

use super::places::{HeldState, KeyPlace, Places};
use super::{HeldKey, KeyUsage};
#[cfg(feature = "config")]
use crate::registry::in_force::{Put, Subject, Values};
#[cfg(feature = "dashboard")]
use crate::registry::{Level, View};
use crate::registry::{Row, Shared, Written, events};
use crate::sync::{Mutex, Ordering, lock};
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// How many keys are looked at to find one that can be forgotten, so that no call pays for all of them.
const LOOKED_AT: usize = 64;

/// What one key has.
pub(crate) trait OneKey: Shared {
    /// What a report calls the table of such states, and a key that cannot be forgotten.
    const TABLE: &'static str;
    const BUSY: &'static str;
    /// As files of settings have it.
    #[cfg(feature = "dashboard")]
    const KIND: &'static str;
    #[cfg(feature = "dashboard")]
    const BUSY_IS_TROUBLE: bool = false;

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
/// The state of a forgotten key serves the next, and all of them live as long as the policy. So a call can hold on to its
/// state by a plain reference, and the number of keys bounds the memory.
pub(crate) struct Keys<T> {
    pub(crate) label: &'static str,
    /// What the first site to use it asked for.
    written: Written,
    max_keys: u32,
    new: Box<dyn Fn() -> T + Send + Sync>,
    /// What is set from outside of every key's state; locked within `table`.
    #[cfg(feature = "config")]
    in_force: Mutex<Option<Values>>,
    table: Mutex<Table>,
    places: Places<T>,
    /// Shared by the keys that find no place.
    rest: KeyPlace<T>,
}

/// Which key has which place.
#[derive(Default)]
struct Table {
    /// The hash of the key of each place.
    keys: Vec<u64>,
    by_hash: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
    /// Where the search for a key to forget goes on.
    hand: usize,
    /// Whether the last new key found no place.
    is_full: bool,
}

impl<T: OneKey> Keys<T> {
    pub(crate) fn new(
        label: &'static str,
        written: Written,
        max_keys: u32,
        new: Box<dyn Fn() -> T + Send + Sync>,
    ) -> Self {
        let rest = KeyPlace::new(new());
        Self {
            label,
            written,
            max_keys,
            new,
            #[cfg(feature = "config")]
            in_force: Mutex::default(),
            table: Mutex::default(),
            places: Places::default(),
            rest,
        }
    }

    /// The state of the key with this hash, which stays its own at least as long as it is held.
    pub(crate) fn hold(&self, hash: u64) -> HeldState<'_, T> {
        self.find(hash).1
    }

    /// The same, beyond the handle.
    pub(super) fn hold_on(self: Arc<Self>, hash: u64) -> HeldKey<T> {
        let (place, held) = self.find(hash);
        held.keep();
        HeldKey::new(self, place)
    }

    fn find(&self, hash: u64) -> (Option<u32>, HeldState<'_, T>) {
        let mut table = lock(&self.table);
        let was_full = table.is_full;
        let place = table.find(hash).or_else(|| self.place(&mut table, hash));
        // Before the lock is released, so that no other key gets it meanwhile.
        let held = self.at(place).hold();
        let is_full = table.is_full;
        drop(table);
        if is_full && !was_full {
            events::keys_full(self.written.kind, self.label, self.max_keys);
        }
        (place, held)
    }

    /// The state that keys without a place share. Every key's is set up alike.
    pub(super) fn hold_shared(self: &Arc<Self>) -> HeldKey<T> {
        self.rest.hold().keep();
        HeldKey::new(Arc::clone(self), None)
    }

    pub(super) fn at(&self, place: Option<u32>) -> &KeyPlace<T> {
        place.and_then(|place| self.places.get(place)).unwrap_or(&self.rest)
    }

    pub(super) fn max_keys(&self) -> u32 {
        self.max_keys
    }

    pub(super) fn usage(&self) -> KeyUsage {
        // There are never more than `max_keys`.
        let keys = u32::try_from(lock(&self.table).keys.len()).unwrap_or(self.max_keys);
        let states = (0..keys).filter_map(|place| self.places.get(place));
        let busy = states.filter(|place| place.state.loss() == Loss::Protection).count();
        let rest_busy = self.rest.state.loss() == Loss::Protection;
        KeyUsage { max_keys: self.max_keys, busy: u32::try_from(busy).unwrap_or(keys), keys, rest_busy }
    }

    /// A place for a new key: a new one, or that of a key which can be forgotten.
    fn place(&self, table: &mut Table, hash: u64) -> Option<u32> {
        let next = u32::try_from(table.keys.len()).unwrap_or(u32::MAX);
        let place = if next < self.max_keys {
            self.places.set(next, KeyPlace::new(self.new_state()));
            table.add(hash, next);
            Some(next)
        } else {
            self.forget_one(table, hash)
        };
        table.is_full = place.is_none();
        place
    }

    fn new_state(&self) -> T {
        let state = (self.new)();
        #[cfg(feature = "config")]
        if let Some(values) = &*lock(&self.in_force) {
            // It is new: nobody waits there, and who needs to hear of its mode has heard of it.
            _ = state.put_in_force(values);
        }
        state
    }

    #[cfg(feature = "config")]
    fn states(&self) -> impl Iterator<Item = &T> {
        let keys = u32::try_from(lock(&self.table).keys.len()).unwrap_or(self.max_keys);
        (0..keys).filter_map(|place| self.places.get(place)).chain([&self.rest]).map(|place| &place.state)
    }

    /// Gives the new key the place of the one that is missed the least among the next few: not used of late, nothing
    /// counted.
    fn forget_one(&self, table: &mut Table, hash: u64) -> Option<u32> {
        let mut best = None;
        for _ in 0..LOOKED_AT.min(table.keys.len()) {
            let index = table.next();
            let place = self.places.get(index)?;
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
        let (_, index) = best?;
        if !self.places.get(index)?.state.forget() {
            return None;
        }
        table.replace(index, hash);
        Some(index)
    }
}

impl Table {
    fn find(&self, hash: u64) -> Option<u32> {
        self.by_hash.get(&hash).copied()
    }

    /// Grows by an eighth, not to twice its size: the states are counted in bytes.
    fn add(&mut self, hash: u64, place: u32) {
        if self.keys.len() == self.keys.capacity() {
            self.keys.reserve_exact(self.keys.len() / 8 + 8);
        }
        self.keys.push(hash);
        self.by_hash.insert(hash, place);
    }

    fn replace(&mut self, place: u32, hash: u64) {
        if let Some(key) = self.keys.get_mut(place as usize) {
            self.by_hash.remove(&std::mem::replace(key, hash));
            self.by_hash.insert(hash, place);
        }
    }

    /// Where the search goes on.
    fn next(&mut self) -> u32 {
        let index = self.hand;
        self.hand = (index + 1) % self.keys.len();
        u32::try_from(index).unwrap_or(u32::MAX)
    }
}

impl<T: OneKey> Shared for Keys<T> {
    fn written(&self) -> Written {
        self.written.clone()
    }

    fn label(&self) -> &'static str {
        self.label
    }

    fn row(&self) -> Option<Row> {
        let KeyUsage { max_keys, keys, busy, rest_busy } = self.usage();
        let rest = if rest_busy { T::BUSY } else { "" };
        let cells = vec![
            ("keys", keys.to_string()),
            ("of", max_keys.to_string()),
            (T::BUSY, busy.to_string()),
            ("shared rest", rest.to_owned()),
        ];
        Some(Row { table: T::TABLE, cells })
    }

    #[cfg(feature = "dashboard")]
    fn view(&self) -> Option<View> {
        #[derive(serde::Serialize)]
        struct Now {
            #[serde(flatten)]
            usage: KeyUsage,
            /// What a busy key is.
            busy_means: &'static str,
        }
        let usage = self.usage();
        // A key that is in use is as it should be; a circuit that is not closed is not.
        let level = if usage.rest_busy || T::BUSY_IS_TROUBLE && usage.busy > 0 { Level::Watch } else { Level::Well };
        Some(View::new(T::KIND, level, "keys", &Now { usage, busy_means: T::BUSY }))
    }

    #[cfg(feature = "config")]
    fn subject(&self) -> Option<Subject> {
        self.rest.state.subject()
    }

    #[cfg(feature = "config")]
    fn put_in_force(&self, values: &Values) -> Put {
        // A key that comes from here on finds them.
        *lock(&self.in_force) = Some(values.clone());
        self.states().map(|state| state.put_in_force(values)).fold(Put::default(), Put::and)
    }

    #[cfg(feature = "config")]
    fn close(&self) -> Put {
        self.states().map(Shared::close).fold(Put::default(), Put::and)
    }

    #[cfg(feature = "config")]
    fn wake(&self) {
        self.states().for_each(Shared::wake);
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
