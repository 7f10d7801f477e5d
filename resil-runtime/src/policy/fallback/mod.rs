//! Fallback: an answer when all else failed.

mod answer;
mod stale;

pub use answer::{Answer, answer};
pub(crate) use stale::Kept;
pub use stale::{Keepable, LastGood};

use crate::registry::{Owner, Slot, Written, events};
use crate::{Classify, Failure, Kind, Site};
use std::fmt::Display;
use std::time::Duration;

/// When to answer something else: what `#[fallback]` expands to.
///
/// It takes every failure but two: the caller's own fault ([`Kind::Caller`]), which an answer would hide, and a panic.
/// A refusal (an open circuit, a full semaphore, a spent deadline) reaches it.
///
/// ```
/// use resil::{Error, Failure, Fallback};
/// use std::{io, time::Duration};
///
/// static FALLBACK: Fallback = Fallback::new();
///
/// let refused: Failure<io::Error> = Failure::Policy(Error::CircuitOpen { name: "x", retry_after: Duration::ZERO });
/// assert!(FALLBACK.takes(&refused));
/// let our_fault: Failure<io::Error> = Failure::Call(io::ErrorKind::InvalidInput.into());
/// assert!(!FALLBACK.takes(&our_fault));
/// ```
#[must_use = "a fallback takes nothing until asked"]
#[derive(Debug)]
pub struct Fallback {
    site: &'static Site,
    /// How old a last good value may be; zero where none is kept.
    max_age: Duration,
    kept: Slot<Kept>,
}

impl Fallback {
    /// A fallback to a value or a function.
    pub const fn new() -> Self {
        Self { site: &Site::UNKNOWN, max_age: Duration::ZERO, kept: Slot::new() }
    }

    /// A fallback to the last good value, unless it is older than this. At most a thousand keys are kept, the oldest
    /// goes first.
    pub const fn stale(max_age: Duration) -> Self {
        Self { site: &Site::UNKNOWN, max_age, kept: Slot::new() }
    }

    /// The place named in events.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    pub(crate) fn written(&self) -> Written {
        let stale = (!self.max_age.is_zero()).then(|| ("stale", format!("{:?}", self.max_age)));
        Written { kind: "fallback", name: None, site: self.site, settings: stale.into_iter().collect() }
    }

    /// Whether this failure is answered with something else.
    pub fn takes<E: Classify>(&self, failure: &Failure<E>) -> bool {
        if let Failure::Panic(_) = failure {
            return false;
        }
        let verdict = failure.verdict();
        let takes = verdict.kind != Kind::Caller;
        if takes {
            events::fell_back(self.site, &verdict);
        }
        takes
    }

    /// The last good value under this key: keep good ones, ask for it after a failure.
    pub fn last_good(&self, key: impl Display) -> LastGood {
        let owner = Owner::Handle(std::ptr::from_ref(self).addr());
        let kept = self.kept.get(|registry| Ok(registry.kept(owner)));
        LastGood::new(kept.ok(), key.to_string(), self.max_age)
    }
}

impl Default for Fallback {
    fn default() -> Self {
        Self::new()
    }
}
