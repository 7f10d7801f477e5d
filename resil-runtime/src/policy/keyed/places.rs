//! States at places that never move, so that they can be lent while more are added.

use super::keys::{Keys, OneKey};
use crate::registry::Lender;
use crate::sync::{AtomicBool, AtomicU32, Ordering};
use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::{Arc, OnceLock};

/// Where the state of one key is.
pub(super) struct KeyPlace<T> {
    pub(super) state: T,
    /// How many are about to use it, and must find it belonging to the same key.
    holds: AtomicU32,
    /// Whether it was used since the search last came by.
    pub(super) is_used: AtomicBool,
}

impl<T> KeyPlace<T> {
    pub(super) fn new(state: T) -> Self {
        Self { state, holds: AtomicU32::new(0), is_used: AtomicBool::new(false) }
    }

    pub(super) fn hold(&self) -> HeldState<'_, T> {
        self.holds.fetch_add(1, Ordering::Relaxed);
        self.is_used.store(true, Ordering::Relaxed);
        HeldState(self)
    }

    pub(super) fn is_held(&self) -> bool {
        self.holds.load(Ordering::Acquire) > 0
    }

    fn let_go(&self) {
        self.holds.fetch_sub(1, Ordering::Release);
    }
}

/// A state that stays its key's own until this is dropped.
pub(crate) struct HeldState<'a, T>(&'a KeyPlace<T>);

impl<'a, T> HeldState<'a, T> {
    pub(crate) fn state(&self) -> &'a T {
        &self.0.state
    }

    /// Goes on holding it; somebody else lets go.
    pub(super) fn keep(self) {
        _ = ManuallyDrop::new(self);
    }
}

impl<T> Drop for HeldState<'_, T> {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

impl<T> fmt::Debug for HeldState<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}

/// The same, for a handle that keeps the whole table.
pub(crate) struct HeldKey<T: OneKey> {
    keys: Arc<Keys<T>>,
    /// `None` is what keys without a place share.
    place: Option<u32>,
}

impl<T: OneKey> HeldKey<T> {
    pub(super) fn new(keys: Arc<Keys<T>>, place: Option<u32>) -> Self {
        Self { keys, place }
    }

    pub(crate) fn get(&self) -> &T {
        &self.keys.at(self.place).state
    }
}

impl<T: OneKey> Lender<T> for HeldKey<T> {
    fn state(&self) -> &T {
        self.get()
    }
}

impl<T: OneKey> Drop for HeldKey<T> {
    fn drop(&mut self) {
        self.keys.at(self.place).let_go();
    }
}

impl<T: OneKey> fmt::Debug for HeldKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldKey")
    }
}

/// How many places are allocated together.
const BLOCK: usize = 64;

type Block<T> = Box<[OnceLock<KeyPlace<T>>]>;
type Blocks<T> = Box<[OnceLock<Block<T>>]>;

/// An array that only grows. Row `n` has 2ⁿ blocks, so an empty one is small and nothing moves.
pub(super) struct Places<T>([OnceLock<Blocks<T>>; 27]);

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| OnceLock::new()))
    }
}

/// Row, block in it, place in that.
fn coordinates(place: u32) -> (usize, usize, usize) {
    let block = place as usize / BLOCK + 1;
    let row = block.ilog2();
    (row as usize, block - (1 << row), place as usize % BLOCK)
}

impl<T> Places<T> {
    pub(super) fn get(&self, place: u32) -> Option<&KeyPlace<T>> {
        let (row, block, place) = coordinates(place);
        self.0[row].get()?[block].get()?[place].get()
    }

    /// Fills an empty one.
    pub(super) fn set(&self, place: u32, with: KeyPlace<T>) {
        let (row, block, place) = coordinates(place);
        let blocks = self.0[row].get_or_init(|| empty(1 << row));
        // Whoever adds has the lock of the table: the place is empty.
        _ = blocks[block].get_or_init(|| empty(BLOCK))[place].set(with);
    }
}

fn empty<T>(many: usize) -> Box<[OnceLock<T>]> {
    std::iter::repeat_with(OnceLock::new).take(many).collect()
}
