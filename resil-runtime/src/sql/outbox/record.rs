use super::error::OutboxError;
use super::finite::is_finite;
use super::message::MessageId;
use super::store::{self, Recorded};
use crate::sql::db::unquoted;
use crate::{Backend, Error, Tx};
use serde::Serialize;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

const LONGEST: usize = 255;
const MAX_PAYLOAD: usize = 1 << 20;

impl<DB: Backend> Tx<DB> {
    /// Records an event in this transaction: it is delivered if this commits, and not if it rolls back. Await what this
    /// answers.
    ///
    /// `topic` says what kind of event it is; a handler finds it in [`Message::topic`](crate::outbox::Message::topic). See
    /// [`outbox`](crate::outbox) for what delivers it.
    ///
    /// # Errors
    ///
    /// When awaited: [`Error::Outbox`] if the topic or the ordering key is empty, longer than 255 bytes or has control
    /// characters, if the event has no JSON form, as `f64::NAN` has none, or more bytes than
    /// [`max_payload`](Recording::max_payload), or if a PostgreSQL transaction records messages of more than 1,000 ordering
    /// keys; [`Error::Transaction`] if the database fails.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod shop {
    /// # use resil::{Error, Tx};
    /// # use sqlx::Sqlite;
    /// #[derive(serde::Serialize)]
    /// struct Paid {
    ///     order: i64,
    ///     won: u64,
    /// }
    ///
    /// async fn mark_paid(tx: &mut Tx<Sqlite>, order: i64, won: u64) -> Result<(), Error> {
    ///     // .. the order itself ..
    ///     tx.outbox("order.paid", &Paid { order, won }).ordered_by(order).await?;
    ///     Ok(())
    /// }
    /// # }
    /// ```
    pub fn outbox<'a>(&'a mut self, topic: &'a str, event: &(impl Serialize + ?Sized)) -> Recording<'a, DB> {
        let payload = if is_finite(event) {
            serde_json::to_string(event).map_err(|error| unquoted(&error))
        } else {
            Err("it has a number that is not finite".to_owned())
        };
        Recording { tx: self, topic, ordering: None, payload, max_payload: MAX_PAYLOAD }
    }
}

/// An event that is recorded when this is awaited: see [`Tx::outbox`](crate::Tx::outbox).
#[must_use = "an event is recorded with `.await`"]
pub struct Recording<'a, DB: Backend> {
    tx: &'a mut Tx<DB>,
    topic: &'a str,
    ordering: Option<String>,
    payload: Result<String, String>,
    max_payload: usize,
}

impl<DB: Backend> Recording<'_, DB> {
    /// Delivers it after all messages with this key that were committed before, whatever their topics. Usually what the
    /// event is about, such as the order.
    pub fn ordered_by(mut self, key: impl fmt::Display) -> Self {
        self.ordering = Some(key.to_string());
        self
    }

    /// How many bytes the event may have as JSON. 1 MiB by default. What is larger belongs elsewhere, and its name into the
    /// event.
    pub const fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    async fn record(self) -> Result<MessageId, Error> {
        let Self { tx, topic, ordering, payload, max_payload } = self;
        valid("topic", topic)?;
        if let Some(key) = &ordering {
            valid("ordering key", key)?;
        }
        let payload = payload.map_err(|why| OutboxError::Unstorable { topic: topic.to_owned(), why })?;
        if payload.len() > max_payload {
            let (topic, bytes) = (topic.to_owned(), payload.len());
            return Err(OutboxError::TooLarge { topic, bytes, allowed: max_payload }.into());
        }
        if let Some(key) = &ordering {
            tx.counts_key(key).map_err(|allowed| OutboxError::Keys { allowed })?;
        }
        let id = MessageId::new();
        store::record(tx, &Recorded { id, topic, ordering: ordering.as_deref(), payload: &payload }).await?;
        if let Some(key) = &ordering {
            tx.has_recorded(key);
        }
        tx.wakes_relay();
        Ok(id)
    }
}

fn valid(what: &'static str, text: &str) -> Result<(), OutboxError> {
    if text.is_empty() || text.len() > LONGEST {
        return Err(OutboxError::Length { what, length: text.len() });
    }
    match text.char_indices().find(|(_, char)| char.is_control()) {
        Some((at, _)) => Err(OutboxError::Character { what, at }),
        None => Ok(()),
    }
}

impl<'a, DB: Backend> IntoFuture for Recording<'a, DB> {
    type Output = Result<MessageId, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.record())
    }
}

impl<DB: Backend> fmt::Debug for Recording<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("topic", &self.topic).finish_non_exhaustive()
    }
}
