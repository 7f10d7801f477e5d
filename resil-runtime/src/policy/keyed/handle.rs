use super::{HeldState, KeyUsage, Keys, PerKey};
use crate::Error;
use crate::registry::{Found, Slot};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::LazyLock;

/// A policy with a state for each key: what `key = ..` makes of a `#[circuit_breaker]`, a `#[semaphore]` or a `#[rate_limit]`.
///
/// One circuit a tenant, one limit an account: the trouble of one does not refuse the calls of the others. Make one
/// with [`CircuitBreaker::keyed`](crate::CircuitBreaker::keyed), [`Semaphore::keyed`](crate::Semaphore::keyed) or
/// [`RateLimit::keyed`](crate::RateLimit::keyed).
///
/// The number of keys is bounded. When a new one finds no place, one that has not been used recently and has nothing
/// to lose is forgotten: its circuit is closed, none of its permits are in use, its bucket is full. Where there is no such key, the new one
/// shares a state with all that find no place, which an [`Event`](crate::Event) reports.
///
/// A key is anything that can be hashed. It is hashed once a call with a secret of the process, and neither kept nor
/// written into errors, events or logs. (Of a million keys, two share a state by accident in one of 37 million
/// processes.)
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
/// use resil::{CircuitBreaker, Keyed};
/// use std::io;
///
/// static SHOPS: Keyed<CircuitBreaker> = CircuitBreaker::named("shops").keyed(10_000);
///
/// SHOPS.of("bakery")?.force_open()?;
/// assert!(SHOPS.admit("bakery").is_err());
/// assert!(SHOPS.admit("florist").is_ok(), "another circuit");
/// assert_eq!(SHOPS.usage()?.keys, 2);
/// # Ok(()) }
/// ```
#[must_use = "a policy does nothing until a call asks it"]
#[derive(Debug)]
#[expect(private_bounds, reason = "a circuit breaker or a semaphore")]
pub struct Keyed<P: PerKey> {
    pub(super) policy: P,
    pub(super) max_keys: u32,
    pub(super) slot: Slot<Keys<P::State>>,
}

#[expect(private_bounds, reason = "a circuit breaker or a semaphore")]
impl<P: PerKey> Keyed<P> {
    pub(crate) const fn new(policy: P, max_keys: u32) -> Self {
        Self { policy, max_keys, slot: Slot::new() }
    }

    /// The policy of one key, to read and to control it. The key is not forgotten as long as the handle lives.
    ///
    /// Where a new key finds no place, it is the policy of all keys that found none: to force it open refuses the calls of
    /// all of them. [`KeyUsage::rest_busy`] shows that.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] if the settings contradict another site's or are out of range.
    pub fn of(&self, key: &(impl Hash + ?Sized)) -> Result<P, Error> {
        let keys = self.slot.share(|states| self.look_up(states))?;
        Ok(P::of_one_key(self.policy.name(), keys.hold_on(hash_of(key))))
    }

    /// How many keys have a state, and how many of those cannot be forgotten now. Looks at each of them.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    pub fn usage(&self) -> Result<KeyUsage, Error> {
        Ok(self.keys()?.usage())
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&'static str> {
        self.policy.name()
    }

    /// What errors and events call it, whatever the key: its name, or its call site.
    pub fn label(&self) -> &'static str {
        Found::label(self)
    }

    /// As every key's was written.
    pub(crate) fn policy(&self) -> &P {
        &self.policy
    }

    pub(crate) fn hold(&self, hash: u64) -> Result<HeldState<'_, P::State>, Error> {
        Ok(self.keys()?.hold(hash))
    }

    fn keys(&self) -> Result<&Keys<P::State>, Error> {
        self.slot.get(|states| self.look_up(states))
    }
}

pub(crate) fn hash_of(key: &(impl Hash + ?Sized)) -> u64 {
    // Whoever chooses keys must not be able to choose their hashes.
    static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    SECRET.hash_one(key)
}
