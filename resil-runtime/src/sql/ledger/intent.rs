use super::history::History;
use super::operation::Report;
use super::state::State;
use crate::IdempotencyKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use uuid::Uuid;

/// Names an intent, for whoever waits for it. It is not the idempotency key, which stays between us and the partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntentId(Uuid);

/// The namespace of IDs. Changing it would lose every intent.
const IDS: Uuid = Uuid::from_u128(0x7c1e_0d52_3fa9_4b86_a0c4_92d1_5e8f_6b37);

impl IntentId {
    /// That of the intent with this key. One key is one intent.
    pub(super) fn of(key: &IdempotencyKey) -> Self {
        Self::of_text(key.as_str())
    }

    /// That of a text which the partner gives as a key.
    pub(super) fn of_text(key: &str) -> Self {
        Self(Uuid::new_v5(&IDS, key.as_bytes()))
    }
}

/// As its text.
impl Serialize for IntentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IntentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for IntentId {
    type Err = InvalidIntentId;

    fn from_str(text: &str) -> Result<Self, InvalidIntentId> {
        Uuid::from_str(text).map(Self).map_err(|_| InvalidIntentId)
    }
}

/// A text that names no intent. It is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidIntentId;

impl fmt::Display for InvalidIntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ID of an intent is a UUID")
    }
}

impl std::error::Error for InvalidIntentId {}

/// An intent of the operation `O`, as `record` answers it. It may be made from an ID, for those who come back later.
pub struct Intent<O> {
    id: IntentId,
    operation: PhantomData<fn() -> O>,
}

impl<O> Intent<O> {
    /// Its name.
    pub fn id(&self) -> IntentId {
        self.id
    }
}

impl<O> From<IntentId> for Intent<O> {
    fn from(id: IntentId) -> Self {
        Self { id, operation: PhantomData }
    }
}

/// As its name, so that a request that records one can run once: `#[transactional(.., once = request_id)]` stores what it
/// answers.
impl<O> Serialize for Intent<O> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.id.serialize(serializer)
    }
}

impl<'de, O> Deserialize<'de> for Intent<O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IntentId::deserialize(deserializer).map(Self::from)
    }
}

impl<O> Clone for Intent<O> {
    fn clone(&self) -> Self {
        self.id.into()
    }
}

impl<O> fmt::Debug for Intent<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Intent({})", self.id)
    }
}

/// What has become of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<R> {
    /// Done, here and there.
    Applied(R),
    /// Not done, neither here nor there.
    Rejected(Report),
    /// Cancelled there, undone here.
    Compensated(Report),
    /// Not known yet, or not done yet. A reconciler goes on with it: answer 202, and ask again later.
    InDoubt(IntentId),
    /// An operator has to decide.
    Manual(IntentId),
}

/// An intent as an operator sees it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct IntentView {
    /// Its name.
    pub id: IntentId,
    /// The operation.
    pub op: String,
    /// The version of the operation that recorded it.
    pub version: u32,
    /// What it is about: `per = ..`. Empty without.
    pub subject: String,
    /// Where it stands.
    pub state: State,
    /// Attempts since its last progress.
    pub attempts: u32,
    /// Why it stands there.
    pub why: String,
    /// Every step so far, the first one first.
    pub history: History,
}
