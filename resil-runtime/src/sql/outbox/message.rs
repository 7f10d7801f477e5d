use super::error::OutboxError;
use crate::sync::{AtomicBool, Ordering};
use crate::{Error, IdempotencyKey};
use serde::de::DeserializeOwned;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use uuid::Uuid;

/// Names a message, the same each time it is delivered: a consumer runs it once under this ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Uuid);

/// As its text.
impl serde::Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl MessageId {
    /// A new one, later in order than those before.
    pub(super) fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// What travels with a delivery over HTTP.
    pub(super) fn key(self) -> IdempotencyKey {
        IdempotencyKey::from_uuid(self.0)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MessageId {
    type Err = OutboxError;

    fn from_str(text: &str) -> Result<Self, OutboxError> {
        Uuid::from_str(text).map(Self).map_err(|_| OutboxError::InvalidId)
    }
}

/// A message as it is handed to a handler.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Its name, for whoever must not run it twice.
    pub id: MessageId,
    /// What it is about: the first argument of [`Tx::outbox`](crate::Tx::outbox).
    pub topic: String,
    /// What it is in order with.
    pub ordering: Option<String>,
    /// The event, as JSON.
    pub payload: String,
    /// Which attempt to deliver it this is; 1 is the first.
    pub attempt: u32,
    /// When it was recorded, by the database's clock.
    pub recorded: SystemTime,
    pub(super) unreadable: Unreadable,
}

/// Set where the event was found to be of another type. It is no part of the message.
#[derive(Debug, Clone, Default)]
pub(super) struct Unreadable(Arc<AtomicBool>);

impl Unreadable {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl PartialEq for Unreadable {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Unreadable {}

impl Message {
    /// The event.
    ///
    /// # Errors
    ///
    /// [`Error::Outbox`] if it is none of this type. Handed on by the handler it leaves the message to relays that started
    /// later, and so may be of a newer version; where none is, it does not pass, and the message will be set aside.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.payload).map_err(|error| {
            self.unreadable.0.store(true, Ordering::Relaxed);
            OutboxError::Unreadable { topic: self.topic.clone(), why: crate::sql::db::unquoted(&error) }.into()
        })
    }
}

/// Without the payload, which is the user's.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("topic", &self.topic)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// A message that no relay delivers any more, until an operator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetAside {
    /// The message.
    pub message: Message,
    /// Why its last attempt failed.
    pub why: String,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Backlog {
    /// Messages to be delivered, those behind one that was set aside among them.
    pub waiting: u64,
    /// Messages set aside.
    pub set_aside: u64,
    /// How long ago the oldest of all was recorded.
    pub oldest: Option<Duration>,
}
