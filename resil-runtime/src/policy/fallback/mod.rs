//! The fallback: an answer when everything else failed.

mod answer;
mod stale;

#[doc(hidden)]
pub use answer::{Answer, answer, answer_within};
#[doc(hidden)]
pub use stale::Keepable;
pub(crate) use stale::Kept;
pub use stale::LastGood;

use crate::registry::{Handle, Slot, Written, events};
use crate::{Classify, Effect, Failure, Kind, Site};
use std::fmt::Display;
use std::time::Duration;

/// When to answer something else: what `#[fallback]` expands to.
///
/// It takes every failure but two: the caller's own fault ([`Kind::Caller`]), which an answer would hide, and a panic.
/// A refusal (an open circuit, a full semaphore, a spent deadline) reaches it.
///
/// ```
/// use resil::{Error, Failure, Fallback};
/// use std::io;
///
/// static FALLBACK: Fallback = Fallback::new();
///
/// let refused: Failure<io::Error> = Failure::Policy(Error::CircuitOpen { name: "x", retry_after: None });
/// assert!(FALLBACK.take_over(&refused));
/// let our_fault: Failure<io::Error> = Failure::Call(io::ErrorKind::InvalidInput.into());
/// assert!(!FALLBACK.take_over(&our_fault));
/// ```
#[must_use = "a fallback takes nothing until asked"]
#[derive(Debug)]
pub struct Fallback {
    site: &'static Site,
    /// How old a last good value may be, where one is kept.
    max_age: Option<Duration>,
    kept: Slot<Kept>,
    acts: ActsAgain,
    /// Whether it is known only later that there is an answer, and told then.
    asks: bool,
}

/// Whether the answer may do something a second time.
#[derive(Debug, Clone, Copy)]
enum ActsAgain {
    No,
    /// So it answers only what certainly was never done.
    Unsent,
    /// For this reason it is harmless.
    Because(&'static str),
}

impl Fallback {
    /// A fallback to a value or a function.
    pub const fn new() -> Self {
        Self { site: &Site::UNKNOWN, max_age: None, kept: Slot::new(), acts: ActsAgain::No, asks: false }
    }

    /// A fallback to the last good value, unless it is older than this. At most a thousand keys are kept, the oldest
    /// goes first.
    pub const fn stale(max_age: Duration) -> Self {
        Self { site: &Site::UNKNOWN, max_age: Some(max_age), kept: Slot::new(), acts: ActsAgain::No, asks: true }
    }

    /// A fallback to a function, which says so itself when it is asked.
    #[doc(hidden)]
    pub const fn asking() -> Self {
        let mut fallback = Self::new();
        fallback.asks = true;
        fallback
    }

    /// Lists it as one that answers only what certainly was never done: ask [`take_over_unsent`](Self::take_over_unsent).
    pub const fn unsent(mut self) -> Self {
        self.acts = ActsAgain::Unsent;
        self
    }

    /// Lists it as one that acts, and why that is harmless.
    pub const fn acts(mut self, why: &'static str) -> Self {
        self.acts = ActsAgain::Because(why);
        self
    }

    /// The place named in events.
    pub const fn at(mut self, site: &'static Site) -> Self {
        self.site = site;
        self
    }

    /// Takes the call over after this failure and reports it ([`Event::FellBack`](crate::Event::FellBack)), so that something
    /// else is answered; `false` if the failure is to be answered as it is. Under [`stale`](Self::stale) that depends on what is
    /// kept, and [`LastGood::instead_of`] reports it.
    pub fn take_over<E: Classify>(&self, failure: &Failure<E>) -> bool {
        if let Failure::Panic(_) = failure {
            return false;
        }
        let verdict = failure.verdict();
        let is_taken = verdict.kind != Kind::Caller;
        if is_taken && !self.asks {
            events::fell_back(self.site, &verdict);
        }
        is_taken
    }

    fn tell<E: Classify>(&self, failure: &Failure<E>) {
        events::fell_back(self.site, &failure.verdict());
    }

    /// The same for a fallback that may do a second time what the call has done: it takes over only what certainly was never done. A failure that claims so is not
    /// believed if something was sent by the call that may have acted.
    pub fn take_over_unsent<E: Classify>(&self, failure: &Failure<E>, may_have_acted: bool) -> bool {
        !may_have_acted && failure.verdict().effect == Effect::None && self.take_over(failure)
    }

    /// The last good value under this key: keep good ones, ask for it after a failure. Where several instances or types
    /// share the fallback, say whose it is by [`LastGood::of`] and [`LastGood::typed`].
    ///
    /// ```
    /// use resil::Fallback;
    /// use std::time::Duration;
    ///
    /// static RATES: Fallback = Fallback::stale(Duration::from_secs(600));
    ///
    /// RATES.last_good("EUR").of("live").keep(&1.08);
    /// assert_eq!(RATES.last_good("EUR").of("live").get::<f64>(), Some(1.08));
    /// assert_eq!(RATES.last_good("EUR").of("sandbox").get::<f64>(), None);
    /// ```
    pub fn last_good(&self, key: impl Display) -> LastGood<'_> {
        let kept = self.kept.get(|states| Ok(states.state(self.kept.owner(None), Kept::default)));
        LastGood::new(self, kept.ok(), key.to_string())
    }
}

impl Handle for Fallback {
    fn written(&self) -> Written {
        let stale = self.max_age.map(|max_age| ("stale", format!("{max_age:?}")));
        let acts = match self.acts {
            ActsAgain::No => None,
            ActsAgain::Unsent => Some(("answers", "what was never sent".to_owned())),
            ActsAgain::Because(why) => Some(("acts", format!("{why:?}"))),
        };
        Written { kind: "fallback", name: None, site: self.site, settings: stale.into_iter().chain(acts).collect() }
    }

    fn out_of_range(&self) -> Option<String> {
        let site = self.site;
        let is_zero = self.max_age.is_some_and(|max_age| max_age.is_zero());
        is_zero.then(|| format!("the fallback of {site} keeps a value for no time: write `stale = \"10m\"`"))
    }
}

impl Default for Fallback {
    fn default() -> Self {
        Self::new()
    }
}
