//! One key, one request: which requests an idempotency key has travelled on.

use super::record::CallRecord;
use crate::sync::{AtomicBool, Mutex, Ordering, lock};
use crate::{Error, IdempotencyKey};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, LazyLock};

/// The key of an attempt, and what is known of its use. Nested keyed calls form a chain.
#[derive(Debug)]
pub(crate) struct AttemptKey {
    key: IdempotencyKey,
    uses: Arc<Uses>,
    /// Which attempt this is, from the outermost call that shares the key to this one.
    at: Vec<Turn>,
    seen: Arc<Seen>,
    outer: Option<Arc<AttemptKey>>,
}

/// One attempt of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turn {
    call: u64,
    attempt: u32,
}

/// The requests that went out under the keys of a call.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<Vec<Use>>);

#[derive(Debug)]
struct Use {
    key: IdempotencyKey,
    on: Target,
    at: Vec<Turn>,
}

/// A key on a request that is about to leave.
#[must_use = "a request that never left gives its key back"]
#[derive(Debug)]
pub(crate) struct KeyClaim {
    uses: Arc<Uses>,
    key: IdempotencyKey,
    /// What the key was used for before.
    before: Option<Use>,
}

impl KeyClaim {
    /// The request never left, and neither did the key.
    pub(crate) fn give_back(self) {
        let mut uses = lock(&self.uses.0);
        uses.retain(|known| known.key != self.key);
        uses.extend(self.before);
    }
}

/// What tells one request from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) method: String,
    pub(crate) origin: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// `None` for a body that is streamed, which is like no other.
    pub(crate) body: Option<u64>,
}

/// What an attempt has shown of itself to our adapters.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// A request carried the key, a step of it or one of its own, or was told not to.
    is_accounted_for: AtomicBool,
    /// A request went out that carries no key because its method is safe.
    sent_safe: AtomicBool,
    /// A connection was made for something that no adapter saw.
    dialled: AtomicBool,
}

impl Seen {
    /// Whether the key of an attempt that ended like this cannot have left.
    pub(crate) fn key_stayed(&self, is_success: bool) -> bool {
        let sent = self.dialled.load(Ordering::Relaxed) || is_success && self.sent_safe.load(Ordering::Relaxed);
        sent && !self.is_accounted_for.load(Ordering::Relaxed)
    }
}

impl AttemptKey {
    /// The key of an attempt of the call that has this record, if it has one.
    pub(super) fn new(record: &CallRecord, attempt: u32) -> Option<Self> {
        let at = vec![Turn { call: record.id(), attempt }];
        Some(Self { key: record.key()?.clone(), uses: record.uses(), at, seen: record.seen(), outer: None })
    }

    /// The same within a call that has a key as well. Where it is the same key, its uses are shared.
    pub(super) fn within(&self, outer: &Arc<AttemptKey>) -> Self {
        let Self { key, uses, at, seen, .. } = self;
        let (mut uses, mut at) = (Arc::clone(uses), at.clone());
        if let Some(same) = chain(Some(outer)).find(|outer| outer.key == *key) {
            uses = Arc::clone(&same.uses);
            at.splice(0..0, same.at.iter().copied());
        }
        Self { key: key.clone(), uses, at, seen: Arc::clone(seen), outer: Some(Arc::clone(outer)) }
    }

    pub(crate) fn key(&self) -> &IdempotencyKey {
        &self.key
    }

    /// Claims this key for a request: the one of the attempt, or another of its call's.
    pub(crate) fn claim(&self, key: &IdempotencyKey, on: Target) -> Result<KeyClaim, Error> {
        let mut uses = lock(&self.uses.0);
        let known = uses.iter().position(|known| known.key == *key);
        if let Some(known) = known.map(|known| &uses[known])
            && let Some(differs) = known.on.differs(&on, repeats(&known.at, &self.at))
        {
            return Err(Error::KeyReused { differs });
        }
        let before = known.map(|known| uses.swap_remove(known));
        uses.push(Use { key: key.clone(), on, at: self.at.clone() });
        Ok(KeyClaim { uses: Arc::clone(&self.uses), key: key.clone(), before })
    }
}

/// Whether the second is a repetition of the first: another attempt of the same call.
fn repeats(first: &[Turn], second: &[Turn]) -> bool {
    let parted = first.iter().zip(second).find(|(first, second)| first != second);
    parted.is_some_and(|(first, second)| first.call == second.call)
}

impl Target {
    /// In what another request differs from this one. Between attempts a body may be written anew.
    fn differs(&self, other: &Self, is_repeated: bool) -> Option<&'static str> {
        if self.method != other.method {
            return Some("method");
        }
        if self.origin != other.origin {
            return Some("origin");
        }
        if self.path != other.path {
            return Some("path");
        }
        if is_repeated {
            return None;
        }
        if self.query != other.query {
            return Some("query");
        }
        (self.body.is_none() || self.body != other.body).then_some("body")
    }
}

/// Tells bodies apart without keeping them.
pub(crate) fn fingerprint(body: &[u8]) -> u64 {
    static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    SECRET.hash_one(body)
}

fn chain(keyed: Option<&Arc<AttemptKey>>) -> impl Iterator<Item = &AttemptKey> {
    std::iter::successors(keyed.map(Arc::as_ref), |keyed| keyed.outer.as_deref())
}

/// A request of the attempt carries a key, or was told to carry none.
pub(crate) fn account_for() {
    mark(|seen| &seen.is_accounted_for);
}

/// A request of the attempt carries no key because its method is safe.
pub(crate) fn sent_safe() {
    mark(|seen| &seen.sent_safe);
}

/// A connection was made for the attempt.
pub(crate) fn dialled() {
    mark(|seen| &seen.dialled);
}

fn mark(flag: impl Fn(&Seen) -> &AtomicBool) {
    if let Some(keyed) = super::keyed() {
        chain(Some(&keyed)).for_each(|keyed| flag(&keyed.seen).store(true, Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str, body: Option<u64>) -> Target {
        let text = str::to_owned;
        Target { method: text("POST"), origin: text("https://a"), path: text(path), query: None, body }
    }

    fn attempt(record: &CallRecord, number: u32) -> AttemptKey {
        AttemptKey::new(record, number).unwrap()
    }

    fn record() -> CallRecord {
        CallRecord::new(Some(IdempotencyKey::derived("order", 7)))
    }

    fn refusal(claimed: Result<KeyClaim, Error>) -> Option<&'static str> {
        match claimed.err()? {
            Error::KeyReused { differs } => Some(differs),
            _ => None,
        }
    }

    #[test]
    fn within_an_attempt_a_second_request_must_be_the_same_in_everything() {
        let first = attempt(&record(), 0);
        let claim = |on| refusal(first.claim(first.key(), on));
        assert_eq!(claim(target("/pay", Some(1))), None);
        assert_eq!(claim(target("/pay", Some(1))), None);
        assert_eq!(claim(target("/pay", Some(2))), Some("body"));
        assert_eq!(claim(target("/pay", None)), Some("body"));
        assert_eq!(claim(target("/capture", Some(1))), Some("path"));
        assert_eq!(claim(Target { query: Some("a=1".to_owned()), ..target("/pay", Some(1)) }), Some("query"));
        assert_eq!(claim(Target { method: "PUT".to_owned(), ..target("/pay", Some(1)) }), Some("method"));
        assert_eq!(claim(Target { origin: "https://b".to_owned(), ..target("/pay", Some(1)) }), Some("origin"));
        let step = first.key().step("capture");
        assert_eq!(refusal(first.claim(&step, target("/capture", Some(1)))), None);
        assert_eq!(refusal(first.claim(&step, target("/refund", Some(1)))), Some("path"));
    }

    #[test]
    fn another_attempt_may_write_the_body_anew_and_go_nowhere_else() {
        let record = record();
        let [first, second] = [0, 1].map(|number| attempt(&record, number));
        assert_eq!(refusal(first.claim(first.key(), target("/pay", None))), None);
        assert_eq!(refusal(second.claim(second.key(), target("/capture", None))), Some("path"));
        assert_eq!(refusal(second.claim(second.key(), target("/pay", None))), None);
        assert_eq!(refusal(second.claim(second.key(), target("/pay", None))), Some("body"), "the same attempt");
    }

    #[test]
    fn a_key_that_is_handed_down_is_the_same_key() {
        let outer_record = record();
        let inner = |record: &CallRecord, number, outer: &Arc<AttemptKey>| attempt(record, number).within(outer);
        let [once, again] = [0, 1].map(|number| Arc::new(attempt(&outer_record, number)));
        let [authorize, capture] = [record(), record()];
        let first = inner(&authorize, 0, &once);
        assert_eq!(refusal(first.claim(first.key(), target("/authorize", Some(1)))), None);
        let repeated = inner(&authorize, 1, &once);
        assert_eq!(refusal(repeated.claim(repeated.key(), target("/authorize", Some(2)))), None, "its own retry");
        let other = inner(&capture, 0, &once);
        assert_eq!(refusal(other.claim(other.key(), target("/capture", Some(1)))), Some("path"));
        assert_eq!(refusal(other.claim(other.key(), target("/authorize", Some(1)))), Some("body"), "no retry of it");
        let anew = inner(&record(), 0, &again);
        assert_eq!(refusal(anew.claim(anew.key(), target("/authorize", Some(3)))), None, "the outer one's retry");
    }
}
