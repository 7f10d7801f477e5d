use super::message::MessageId;
use crate::{Classify, Error, Verdict};
use std::fmt;
use std::sync::Arc;

/// What the outbox could not do: the content of [`Error::Outbox`]. It prints no payload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutboxError {
    /// A topic or an ordering key is empty, or longer than 255 bytes. Nothing was recorded.
    Length {
        /// Which of the two.
        what: &'static str,
        /// How many bytes it has.
        length: usize,
    },
    /// A topic or an ordering key has a control character. Nothing was recorded.
    Character {
        /// Which of the two.
        what: &'static str,
        /// Its byte position.
        at: usize,
    },
    /// The event has no JSON form. Nothing was recorded.
    Unstorable {
        /// The topic.
        topic: String,
        /// Why.
        why: String,
    },
    /// The event has more bytes as JSON than are allowed. Nothing was recorded.
    TooLarge {
        /// The topic.
        topic: String,
        /// How many it has.
        bytes: usize,
        /// How many are allowed: [`Recording::max_payload`](super::Recording::max_payload).
        allowed: usize,
    },
    /// One transaction has messages of too many ordering keys: each takes one of the database's locks. Nothing was recorded.
    Keys {
        /// How many are allowed.
        allowed: usize,
    },
    /// The event is not of the type that it is to be read as.
    Unreadable {
        /// The topic.
        topic: String,
        /// Why.
        why: String,
    },
    /// No message of this name is set aside.
    NotSetAside(MessageId),
    /// There is no message of this name: it was delivered, or discarded.
    NoSuchMessage(MessageId),
    /// A relay has taken up the message, or one before it in its lane: ask again when that has ended.
    Busy(MessageId),
    /// A text that names no message. It is not repeated.
    InvalidId,
}

impl Classify for OutboxError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Unreadable { .. } => Verdict::permanent(),
            Self::Unstorable { .. } => Verdict::permanent().unsent(),
            Self::Busy(_) => Verdict::transient().unsent(),
            _ => Verdict::caller(),
        }
    }
}

impl fmt::Display for OutboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { what, length: 0 } => write!(f, "the {what} of a message is empty: not recorded"),
            Self::Length { what, length } => {
                write!(f, "the {what} of a message has {length} bytes, 255 are allowed: not recorded")
            }
            Self::Character { what, at } => {
                write!(f, "byte {at} of the {what} of a message is a control character: not recorded")
            }
            Self::Unstorable { topic, why } => {
                write!(f, "the event for `{}` cannot be stored, {why}: not recorded", topic.escape_debug())
            }
            Self::TooLarge { topic, bytes, allowed } => {
                let topic = topic.escape_debug();
                write!(f, "the event for `{topic}` has {bytes} bytes, {allowed} are allowed: not recorded")
            }
            Self::Keys { allowed } => {
                write!(f, "one transaction may have messages of {allowed} ordering keys: this one was not recorded")
            }
            Self::Unreadable { topic, why } => {
                write!(f, "the event for `{}` cannot be read, {why}", topic.escape_debug())
            }
            Self::NotSetAside(id) => write!(f, "no message {id} is set aside"),
            Self::NoSuchMessage(id) => write!(f, "there is no message {id}"),
            Self::Busy(id) => write!(f, "message {id}, or one before it, is being delivered: ask again"),
            Self::InvalidId => f.write_str("the ID of a message is a UUID"),
        }
    }
}

impl std::error::Error for OutboxError {}

impl From<OutboxError> for Error {
    fn from(error: OutboxError) -> Self {
        Self::Outbox(Arc::new(error))
    }
}
