//! Who takes which messages, and how each of them is doing.

use super::message::Message;
use super::work::Health;
use crate::sql::worker::Failed;
use crate::sync::{Mutex, MutexGuard, lock};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What messages are handed to.
type Deliver = dyn Fn(Message) -> Delivering + Send + Sync;
pub(super) type Delivering = Pin<Box<dyn Future<Output = Result<(), Failed>> + Send>>;

/// What a relay hands messages of a topic to, or of all other topics.
#[derive(Clone)]
pub(super) struct Handler {
    /// `None` takes all that no other one takes.
    pub(super) topic: Option<String>,
    handle: Arc<Deliver>,
    health: Arc<Mutex<Health>>,
}

impl Handler {
    pub(super) fn new<F, E>(topic: Option<String>, handler: impl Fn(Message) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Failed>,
    {
        let handle = move |message| -> Delivering {
            let delivering = handler(message);
            Box::pin(async move { delivering.await.map_err(Into::into) })
        };
        Self { topic, handle: Arc::new(handle), health: Arc::default() }
    }

    pub(super) fn handle(&self, message: Message) -> Delivering {
        (self.handle)(message)
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        lock(&self.health)
    }

    /// The same function, of which nothing is known yet.
    pub(super) fn fresh(&self) -> Self {
        Self { health: Arc::default(), ..self.clone() }
    }
}

/// All handlers of a relay.
#[derive(Clone, Default)]
pub(super) struct Handlers(Vec<Handler>);

impl Handlers {
    /// In place of the one that has the same topic.
    pub(super) fn add(&mut self, handler: Handler) {
        self.0.retain(|other| other.topic != handler.topic);
        self.0.push(handler);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Handler> {
        self.0.iter()
    }

    /// The one that takes this topic.
    pub(super) fn of(&self, topic: &str) -> Option<&Handler> {
        self.iter().find(|handler| handler.topic.as_deref() == Some(topic)).or_else(|| self.any())
    }

    /// The one that takes what no other one takes.
    pub(super) fn any(&self) -> Option<&Handler> {
        self.iter().find(|handler| handler.topic.is_none())
    }

    /// Whether there are some for a topic.
    pub(super) fn know_topics(&self) -> bool {
        self.iter().any(|handler| handler.topic.is_some())
    }

    pub(super) fn fresh(&self) -> Self {
        Self(self.iter().map(Handler::fresh).collect())
    }
}
