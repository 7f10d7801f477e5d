//! What one limit of this process has of the fleet's tokens.

use super::super::bucket::Bucket;
use super::super::{Gcra, Rate, Settings};
use super::hub::Hub;
use super::{Answer, Ask, LEASE, Lost, Part, ROUND};
use crate::clock::{self, Nanos};
use crate::registry::{Registry, events};
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Mutex, Ordering, lock};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::{Arc, OnceLock};

/// Tokens that nobody else may use. They come by lease and not by time.
#[derive(Debug)]
pub(in super::super) struct Lease {
    label: &'static str,
    interval: AtomicU64,
    burst: AtomicU32,
    refuses: AtomicBool,
    pub(in super::super) bucket: Bucket,
    /// How many tokens calls have asked for since the last question, and the most that one did, or one that still waits.
    asked: AtomicU64,
    largest: AtomicU32,
    /// Of which key it is, told alike in all processes; zero of none.
    key: AtomicU64,
    /// Whether the hub asks for it.
    is_active: AtomicBool,
    hub: OnceLock<Arc<Hub>>,
    known: Mutex<Known>,
}

/// What is known of the store, and of what may be expected.
#[derive(Debug, Default)]
struct Known {
    /// Not before this; zero if nothing is said against asking.
    used_up_until: Nanos,
    /// The part of the rate that was this process's in the last answer.
    share: f64,
    /// Since when the share is kept without an answer, and what is left of a token.
    alone_since: Option<Nanos>,
    rest: f64,
    forecast: u32,
    /// How many tokens calls ask for in a lease's time, on average: unlike the forecast, not too many.
    pace: f64,
    /// The same of all processes.
    all: f64,
    asked_at: Nanos,
    quiet: u32,
    has_leased: bool,
    differs: bool,
    /// Interval and burst of the last answer: whether those of others differ is not known of new ones.
    told: (Nanos, u32),
}

/// What a call can expect that finds no token.
pub(in super::super) enum Outlook {
    /// The store may have some.
    Soon,
    /// Not before this.
    At(Nanos),
    /// Nobody knows.
    Lost,
}

/// So many questions without a call, and the lease is given back.
const QUIET: u32 = 20;

impl Lease {
    pub(in super::super) fn new(label: &'static str, settings: &Settings, lost: Lost) -> Self {
        Self {
            label,
            interval: AtomicU64::new(settings.rate.interval()),
            burst: AtomicU32::new(at_least(settings.burst(), settings.rate)),
            refuses: AtomicBool::new(lost == Lost::Refuse),
            bucket: Bucket::empty(&Gcra::TOKENS),
            asked: AtomicU64::new(0),
            largest: AtomicU32::new(0),
            key: AtomicU64::new(0),
            is_active: AtomicBool::new(false),
            hub: OnceLock::new(),
            known: Mutex::default(),
        }
    }

    /// Goes on with other settings, from the next question on. What it has leased it keeps. `true` if who waits should look again.
    #[cfg(feature = "config")]
    pub(in super::super) fn change(&self, rate: Rate, burst: u32, lost: Lost) -> bool {
        self.refuses.store(lost == Lost::Refuse, Ordering::Relaxed);
        let is_other = self.interval.swap(rate.interval(), Ordering::Relaxed) != rate.interval();
        self.burst.swap(at_least(burst, rate), Ordering::Relaxed) != at_least(burst, rate) || is_other
    }

    fn lost(&self) -> Lost {
        if self.refuses.load(Ordering::Relaxed) { Lost::Refuse } else { Lost::Share }
    }

    /// Makes it that of a key, which it stays until that is [forgotten](Self::forget).
    pub(in super::super) fn is_of(&self, key: &(impl Hash + ?Sized)) {
        if self.key.load(Ordering::Relaxed) == 0 {
            // The same in all processes, which a secret would prevent.
            let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
            self.key.store(hash.max(1), Ordering::Relaxed);
        }
    }

    pub(in super::super) fn part(&self) -> Part {
        let known = lock(&self.known);
        Part { share: known.share, is_lost: known.alone_since.is_some() }
    }

    /// Whether it holds nothing and asks for nothing.
    pub(in super::super) fn is_unused(&self, now: Nanos) -> bool {
        !self.is_active.load(Ordering::Relaxed) && self.held(now) == 0 && self.bucket.waiting() == 0
    }

    /// The key is forgotten, and all that was known of its row. Nobody has it, and nobody asks for it.
    pub(in super::super) fn forget(&self) {
        self.key.store(0, Ordering::Relaxed);
        self.asked.store(0, Ordering::Relaxed);
        self.largest.store(0, Ordering::Relaxed);
        *lock(&self.known) = Known::default();
    }

    /// A call asks for so many. No round trip is made for it.
    #[inline]
    pub(in super::super) fn wants(self: &Arc<Self>, cost: u32) {
        self.asked.fetch_add(cost.into(), Ordering::Relaxed);
        self.largest.fetch_max(cost, Ordering::Relaxed);
        if !self.is_active.load(Ordering::Relaxed) {
            self.activate();
        }
    }

    #[cold]
    fn activate(self: &Arc<Self>) {
        let hub = self.hub.get_or_init(|| Registry::with(Hub::of));
        if !self.is_active.swap(true, Ordering::Relaxed) {
            lock(&self.known).quiet = 0;
            hub.add(Arc::clone(self));
        }
    }

    /// There was none for a call of this cost: the next question is asked at once.
    pub(in super::super) fn outlook(self: &Arc<Self>, cost: u32, now: Nanos) -> Outlook {
        // Again, since a question may have come between the call and its place in the line.
        self.largest.fetch_max(cost, Ordering::Relaxed);
        if !self.is_active.load(Ordering::Relaxed) {
            self.activate();
        }
        let hub = self.hub.get();
        if let Some(hub) = hub {
            hub.keep_asking();
        }
        let known = lock(&self.known);
        if known.alone_since.is_some() && (self.lost() == Lost::Refuse || known.share == 0.0) {
            return Outlook::Lost;
        }
        if known.used_up_until > now {
            return Outlook::At(known.used_up_until);
        }
        drop(known);
        if let Some(hub) = hub {
            hub.hurry();
        }
        Outlook::Soon
    }

    /// What to ask; `None` if it has not been used for a while and has nothing to give back.
    pub(super) fn ask(&self, now: Nanos) -> Option<Ask> {
        let mut known = lock(&self.known);
        let arrived = whole(self.asked.swap(0, Ordering::Relaxed));
        let since = std::mem::replace(&mut known.asked_at, now);
        let (interval, burst) = (self.interval.load(Ordering::Relaxed), self.burst.load(Ordering::Relaxed));
        let waited_for = whole(self.bucket.ahead() / Gcra::TOKENS.interval);
        // One that costs more than the burst needs more than that, for as long as it waits.
        let is_waited_for = waited_for > 0;
        let largest =
            if is_waited_for { self.largest.load(Ordering::Relaxed) } else { self.largest.swap(0, Ordering::Relaxed) };
        let most = burst.max(largest);
        let held = self.held(now);
        known.quiet = if arrived == 0 && waited_for == 0 { known.quiet + 1 } else { 0 };
        if known.quiet > QUIET && held == 0 {
            self.is_active.store(false, Ordering::Relaxed);
            known.rest = 0.0;
            let was_alone = known.alone_since.take().is_some();
            drop(known);
            if was_alone {
                // Nobody would find out when it ends.
                events::rate_store_back(self.label);
            }
            return None;
        }
        let passed = now.saturating_sub(since).max(1);
        let part = f64_of(passed) / f64_of(clock::nanos(LEASE));
        known.pace += (f64::from(arrived) / part - known.pace) * (part / 5.0).min(1.0);
        let passed = passed.clamp(10_000_000, clock::nanos(LEASE));
        // Falls slowly, so that a short pause gives nothing back.
        let asked = whole(u64::from(arrived).saturating_mul(clock::nanos(LEASE)).div_ceil(passed));
        known.forecast = if known.quiet >= QUIET { 0 } else { asked.max(known.forecast - known.forecast.div_ceil(8)) };
        let demand = known.forecast.max(waited_for);
        let mut back = held.saturating_sub(demand);
        if back > 0 && self.bucket.take(&Gcra::TOKENS, back, now).is_err() {
            back = 0;
        }
        Some(Ask {
            name: self.label,
            key: Some(self.key.load(Ordering::Relaxed)).filter(|key| *key != 0),
            interval,
            burst,
            demand,
            arrived,
            want: demand.min(most).saturating_sub(held),
            back,
            is_known: known.has_leased,
        })
    }

    /// Uses what was granted.
    pub(super) fn answered(&self, ask: &Ask, answer: &Answer, now: Nanos) {
        let mut known = lock(&self.known);
        if known.alone_since.take().is_some() {
            events::rate_store_back(self.label);
        }
        // The first time it may be our own of before that it differs from.
        let is_known = std::mem::replace(&mut known.told, (ask.interval, ask.burst)) == (ask.interval, ask.burst);
        let differs = answer.differs && (is_known || !known.has_leased);
        if differs && !known.differs {
            events::rate_differs(self.label);
        }
        known.differs = differs;
        known.has_leased = true;
        if ask.demand > 0 {
            // On average as well: a moment in which few others asked must not be kept for as long as nobody answers.
            let all = f64::from(answer.demand.max(1));
            known.all = if known.all == 0.0 { all } else { known.all + (all - known.all) / 16.0 };
            known.share = (known.pace / known.all.max(all)).min(1.0);
        }
        let is_short = answer.granted < ask.want;
        let wait = clock::nanos(answer.wait.max(ROUND));
        known.used_up_until = if is_short { now.saturating_add(wait) } else { 0 };
        drop(known);
        self.bucket.deposit(&Gcra::TOKENS, answer.granted.min(ask.want));
        self.bucket.wake(is_short);
    }

    /// Nobody answers.
    pub(super) fn alone(&self, now: Nanos) {
        let mut known = lock(&self.known);
        let Some(since) = known.alone_since.replace(now) else {
            events::rate_store_lost(self.label, self.lost());
            drop(known);
            self.bucket.wake(true);
            return;
        };
        let mut kept = 0;
        if self.lost() == Lost::Share {
            let passed = f64_of(now.saturating_sub(since)) / f64_of(self.interval.load(Ordering::Relaxed));
            let tokens = known.share.mul_add(passed, known.rest);
            // No more than it could have had at once.
            let room = self.burst.load(Ordering::Relaxed).saturating_sub(self.held(now));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
            let all = tokens.floor() as u32;
            kept = all.min(room);
            known.rest = tokens.fract();
        }
        known.used_up_until = now.saturating_add(clock::nanos(ROUND));
        drop(known);
        self.bucket.deposit(&Gcra::TOKENS, kept);
        self.bucket.wake(true);
    }

    fn held(&self, now: Nanos) -> u32 {
        whole(self.bucket.tokens(&Gcra::TOKENS, now).max(0).cast_unsigned())
    }
}

/// A question comes once a round: a smaller bucket would overflow in between.
fn at_least(burst: u32, rate: Rate) -> u32 {
    burst.max(whole(clock::nanos(LEASE) / rate.interval()))
}

fn whole(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a share is no exact number")]
fn f64_of(nanos: Nanos) -> f64 {
    nanos as f64
}
