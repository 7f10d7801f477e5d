//! What the outbox tells.

use super::{Message, MessageId};
use crate::registry::events::{event, tell};
#[cfg(feature = "tracing")]
use crate::registry::log::{seconds, text};
use crate::{Error, Event};
use std::fmt;
use std::time::Duration;

/// Something that happened in the outbox: what [`Event::Outbox`] holds. As data, `what` is the variant in `snake_case`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
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
    /// A lease was lost: this process was silent for too long, and another one may deliver the message again.
    Lost {
        /// Which.
        id: MessageId,
        /// Its topic.
        topic: String,
    },
    /// Messages of a topic are due that no handler of this relay is for. Told once a minute.
    LeftToOthers {
        /// The topic.
        topic: String,
        /// For how long the first of them has been due.
        #[serde(rename = "waits_seconds", serialize_with = "crate::as_data::seconds")]
        waits: Duration,
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
            Self::Lost { id, topic } => {
                write!(f, "topic `{}`: the lease of message {id} was lost", topic.escape_debug())
            }
            Self::LeftToOthers { topic, waits } => {
                write!(f, "topic `{}`: left to other relays for {waits:?}", topic.escape_debug())
            }
            Self::Unreachable { why } => write!(f, "the database of the outbox cannot be reached: {why}"),
        }
    }
}

pub(super) fn failed(message: &Message, why: &str) {
    let Message { id, topic, attempt, .. } = message;
    event!(
        info,
        id = text(id),
        topic = text(topic),
        attempt,
        why = text(why),
        "message was not delivered, to be tried again"
    );
    tell(|| {
        let (topic, why) = (topic.clone(), why.to_owned());
        Event::Outbox(OutboxEvent::Failed { id: *id, topic, attempt: *attempt, why })
    });
}

pub(super) fn set_aside(message: &Message, why: &str) {
    let Message { id, topic, .. } = message;
    event!(warn, id = text(id), topic = text(topic), why = text(why), "message was set aside, it needs an operator");
    tell(|| Event::Outbox(OutboxEvent::SetAside { id: *id, topic: topic.clone(), why: why.to_owned() }));
}

pub(super) fn lost(id: MessageId, topic: &str) {
    event!(warn, id = text(id), topic = text(topic), "the lease of a message was lost, it may be delivered again");
    tell(|| Event::Outbox(OutboxEvent::Lost { id, topic: topic.to_owned() }));
}

pub(super) fn left_to_others(topic: &str, waits: Duration) {
    event!(warn, topic = text(topic), waits_seconds = seconds(waits), "messages are left to other relays");
    tell(|| Event::Outbox(OutboxEvent::LeftToOthers { topic: topic.to_owned(), waits }));
}

pub(super) fn unreachable(error: &Error) {
    event!(warn, error = text(error), "the database of the outbox cannot be reached");
    tell(|| Event::Outbox(OutboxEvent::Unreachable { why: error.to_string() }));
}

#[cfg(all(test, feature = "tracing", not(resil_loom)))]
mod tests {
    use super::*;
    use crate::registry::events::tests::{are_documented, lines};
    use std::time::SystemTime;

    #[test]
    fn every_line_is_documented_and_its_fields_are_plain_text_and_numbers() {
        let message = Message {
            id: MessageId::new(),
            topic: "order.paid".to_owned(),
            ordering: None,
            payload: String::new(),
            attempt: 2,
            recorded: SystemTime::UNIX_EPOCH,
            unreadable: super::super::message::Unreadable::default(),
        };
        let written = lines(|| {
            failed(&message, "no\nbroker");
            set_aside(&message, "no broker");
            lost(message.id, &message.topic);
            left_to_others(&message.topic, Duration::from_secs(90));
            unreachable(&Error::CircuitOpen { name: "books", retry_after: None });
        });
        are_documented(&written, 5);
    }
}
