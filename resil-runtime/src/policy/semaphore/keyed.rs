//! Permits for each key.

use super::{Acquiring, Limiter, Limits, Semaphore, Settings};
use crate::policy::keyed::{HeldKey, HeldState, Keyed, Loss, OneKey, PerKey, hash_of};
use crate::registry::Slot;
use crate::registry::in_force::Said;
use crate::sync::Ordering;
use crate::{Error, Site};
use std::hash::Hash;

impl Semaphore {
    /// As many permits for each key, for at most this many keys; see [`Keyed`].
    pub const fn keyed(self, max_keys: u32) -> Keyed<Self> {
        Keyed::new(self, max_keys)
    }
}

impl Keyed<Semaphore> {
    /// Waits for a permit of this key, as [`Semaphore::acquire`] does.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
    /// use resil::{Keyed, Semaphore};
    ///
    /// static UPLOADS: Keyed<Semaphore> = Semaphore::new(1).name("uploads").keyed(1_000);
    ///
    /// let ours = UPLOADS.acquire("acme").await?;
    /// assert!(UPLOADS.acquire("acme").await.is_err());
    /// let theirs = UPLOADS.acquire("other tenant").await?;
    /// # drop((ours, theirs));
    /// # Ok(()) }
    /// ```
    pub fn acquire(&self, key: &(impl Hash + ?Sized)) -> Acquiring<'_, OfKey<'_>> {
        Acquiring::new(OfKey { keyed: self, hash: hash_of(key), held: None })
    }
}

/// The permits of one key, which stays itself as long as somebody waits for them.
#[derive(Debug)]
pub struct OfKey<'a> {
    keyed: &'a Keyed<Semaphore>,
    hash: u64,
    held: Option<HeldState<'a, Limiter>>,
}

impl<'a> Limits<'a> for OfKey<'a> {
    fn limiter(&mut self) -> Result<&'a Limiter, Error> {
        Ok(self.held.insert(self.keyed.hold(self.hash)?).state())
    }
}

impl OneKey for Limiter {
    const TABLE: &'static str = "keyed semaphore";
    const BUSY: &'static str = "in use";
    #[cfg(feature = "dashboard")]
    const KIND: &'static str = "semaphore";

    fn loss(&self) -> Loss {
        let now = self.permits.snapshot();
        let is_quiet = now.in_use == 0 && now.waiting == 0 && now.limit == self.settled.load(Ordering::Relaxed);
        if is_quiet { Loss::Nothing } else { Loss::Protection }
    }

    /// Nothing is left of a key that uses nothing, and while the key is not held nobody takes a permit.
    fn forget(&self) -> bool {
        self.loss() == Loss::Nothing
    }
}

impl PerKey for Semaphore {
    fn each_state(&self, label: &'static str) -> Box<dyn Fn() -> Limiter + Send + Sync> {
        let &Self { permits, max_wait, .. } = self;
        Box::new(move || Limiter::new(label, permits, max_wait))
    }

    fn of_one_key(name: Option<&'static str>, held: HeldKey<Limiter>) -> Self {
        let Settings { permits, max_wait } = held.get().at_first;
        Self { name, site: &Site::UNKNOWN, permits, max_wait, said: Said::NOTHING, slot: Slot::lent(held) }
    }
}
