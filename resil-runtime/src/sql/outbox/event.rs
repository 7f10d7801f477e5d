//! What the outbox tells.

use super::{Message, MessageId};
use crate::registry::events::{event, tell};
use crate::{Error, Event};
use std::fmt;

/// Something that happened in the outbox: what [`Event::Outbox`] holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OutboxEvent {
    /// A handler has failed; the message is tried again.
    Failed {
        /// Which.
        id: MessageId,
        /// Its topic.
        topic: String,
        /// The attempt that has failed.
        attempt: u32,
        /// What went wrong, in the handler's words.
        why: String,
    },
    /// A message was set aside: an operator has to decide, and later ones of its ordering key wait.
    SetAside {
        /// Which.
        id: MessageId,
        /// Its topic.
        topic: String,
        /// What went wrong, in the handler's words.
        why: String,
    },
    /// The database could not be reached.
    Unreachable {
        /// What went wrong.
        why: String,
    },
}

impl fmt::Display for OutboxEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { id, topic, attempt, why } => {
                let (topic, why) = (topic.escape_debug(), why.escape_debug());
                write!(f, "topic `{topic}`: message {id}: attempt {attempt} failed, {why}")
            }
            Self::SetAside { id, topic, why } => {
                write!(f, "topic `{}`: message {id} was set aside, {}", topic.escape_debug(), why.escape_debug())
            }
            Self::Unreachable { why } => write!(f, "the database of the outbox cannot be reached: {why}"),
        }
    }
}

pub(super) fn failed(message: &Message, why: &str) {
    let Message { id, topic, attempt, .. } = message;
    event!(info, %id, ?topic, attempt, ?why, "message was not delivered, to be tried again");
    tell(|| {
        let (topic, why) = (topic.clone(), why.to_owned());
        Event::Outbox(OutboxEvent::Failed { id: *id, topic, attempt: *attempt, why })
    });
}

pub(super) fn set_aside(message: &Message, why: &str) {
    let Message { id, topic, .. } = message;
    event!(warn, %id, ?topic, ?why, "message was set aside, it needs an operator");
    tell(|| Event::Outbox(OutboxEvent::SetAside { id: *id, topic: topic.clone(), why: why.to_owned() }));
}

pub(super) fn unreachable(error: &Error) {
    event!(warn, %error, "the database of the outbox cannot be reached");
    tell(|| Event::Outbox(OutboxEvent::Unreachable { why: error.to_string() }));
}
