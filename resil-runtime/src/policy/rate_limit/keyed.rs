//! Tokens for each key.

use super::{Acquiring, Limiter, Limits, Plan, RateLimit, Turn};
use crate::context::Pauses;
use crate::policy::keyed::{HeldKey, HeldState, Keyed, Loss, OneKey, PerKey, hash_of};
use crate::registry::Slot;
use crate::registry::in_force::Said;
use crate::{Error, Site, clock};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

impl RateLimit {
    /// The same rate for each key, for at most this many keys; see [`Keyed`].
    pub const fn keyed(self, max_keys: u32) -> Keyed<Self> {
        Keyed::new(self, max_keys)
    }
}

impl Keyed<RateLimit> {
    /// Waits for a token of this key, as [`RateLimit::acquire`] does.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
    /// use resil::policy::rate_limit::Rate;
    /// use resil::{Keyed, RateLimit};
    ///
    /// static MAILS: Keyed<RateLimit> = RateLimit::new(Rate::per_minute(1)).name("mails").keyed(1_000);
    ///
    /// MAILS.acquire("acme").await?;
    /// assert!(MAILS.acquire("acme").await.is_err());
    /// MAILS.acquire("other tenant").await?;
    /// # Ok(()) }
    /// ```
    pub fn acquire(&self, key: &(impl Hash + ?Sized)) -> Acquiring<'_, OfKey<'_>> {
        let hash = hash_of(key);
        if self.shares()
            && let Ok(held) = self.hold(hash)
        {
            held.state().lease.iter().for_each(|lease| lease.is_of(key));
            return Acquiring::new(OfKey { keyed: self, hash, held: Some(held) });
        }
        Acquiring::new(OfKey { keyed: self, hash, held: None })
    }

    /// Whether all processes share the rates.
    fn shares(&self) -> bool {
        self.policy().settings.fleet.is_some()
    }
}

/// The tokens of one key, which stays itself as long as somebody waits for them.
#[derive(Debug)]
pub struct OfKey<'a> {
    keyed: &'a Keyed<RateLimit>,
    hash: u64,
    held: Option<HeldState<'a, Limiter>>,
}

impl<'a> Limits<'a> for OfKey<'a> {
    fn limiter(&mut self) -> Result<&'a Limiter, Error> {
        if let Some(held) = &self.held {
            return Ok(held.state());
        }
        Ok(self.held.insert(self.keyed.hold(self.hash)?).state())
    }

    fn turn(&self, _: &'a Limiter) -> Turn<'a> {
        Turn::of(self.keyed, self.hash)
    }
}

/// Found again, since the key may have been forgotten meanwhile.
impl Pauses for Keyed<RateLimit> {
    fn pause(&self, key: u64, wait: Duration) {
        if let Ok(held) = self.hold(key) {
            held.state().pause(wait);
        }
    }
}

impl OneKey for Limiter {
    const TABLE: &'static str = "keyed rate limit";
    const BUSY: &'static str = "limited";
    #[cfg(feature = "dashboard")]
    const KIND: &'static str = "rate_limit";

    fn loss(&self) -> Loss {
        let now = clock::now();
        let is_as_new = self.lease.as_ref().map_or_else(|| self.bucket().is_as_new(now), |lease| lease.is_unused(now));
        if is_as_new { Loss::Nothing } else { Loss::Protection }
    }

    /// Nothing is left of a key whose bucket is full, and while the key is not held nobody takes a token.
    fn forget(&self) -> bool {
        let forgets = self.loss() == Loss::Nothing;
        self.lease.iter().filter(|_| forgets).for_each(|lease| lease.forget());
        forgets
    }
}

impl PerKey for RateLimit {
    fn each_state(&self, label: &'static str) -> Box<dyn Fn() -> Limiter + Send + Sync> {
        let plan = Arc::new(Plan::new(label, self.settings));
        Box::new(move || Limiter::new(Arc::clone(&plan)))
    }

    fn of_one_key(name: Option<&'static str>, held: HeldKey<Limiter>) -> Self {
        let settings = held.get().plan.settings;
        Self { name, site: &Site::UNKNOWN, settings, said: Said::NOTHING, slot: Slot::lent(held) }
    }
}
