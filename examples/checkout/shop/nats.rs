//! A stream of NATS, as the broker between the outbox and its consumer.

use super::events;
use super::trouble::Trouble;
use crate::books::Books;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, AckKind, Context, stream};
use futures_util::StreamExt as _;
use resil::{Db, timeout};
use std::fmt::Display;
use std::time::Duration;

#[derive(Clone)]
pub struct Stream {
    context: Context,
    name: String,
}

fn broker(error: impl Display) -> Trouble {
    Trouble::Broker(error.to_string())
}

impl Stream {
    /// Opens the stream of this name, or makes it.
    pub async fn open(url: &str, name: &str) -> Result<Self, Trouble> {
        let context = jetstream::new(async_nats::connect(url).await.map_err(broker)?);
        let opened = Self { context, name: name.to_owned() };
        opened.there().await?;
        Ok(opened)
    }

    async fn there(&self) -> Result<stream::Stream, Trouble> {
        let (name, subjects) = (self.name.clone(), vec![format!("{}.>", self.name)]);
        let config = stream::Config { name, subjects, ..stream::Config::default() };
        self.context.get_or_create_stream(config).await.map_err(broker)
    }

    /// Waits until it is stored, for a second: a broker that is away comes back. For a while the stream drops what it has seen under this name already; the consumer knows
    /// for longer.
    #[timeout("1s", allow(range))]
    pub async fn publish(&self, id: &str, topic: &str, payload: String) -> Result<(), Trouble> {
        let message = PublishMessage::build().payload(payload.into()).message_id(id);
        let stored = self.context.send_publish(format!("{}.{topic}", self.name), message).await.map_err(broker)?;
        stored.await.map_err(broker)?;
        Ok(())
    }

    /// The consumer, which all processes share: what one of them has not acknowledged, another one gets. Runs until it is to
    /// stop.
    pub async fn consume<DB: Books>(self, db: Db<DB>, stop: impl Future<Output = ()>) {
        let consumed = async {
            loop {
                if let Err(trouble) = self.consume_some(&db).await {
                    eprintln!("the consumer begins anew: {trouble}");
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::select! {
            () = stop => {}
            never = consumed => never,
        }
    }

    async fn consume_some<DB: Books>(&self, db: &Db<DB>) -> Result<(), Trouble> {
        let config = pull::Config {
            durable_name: Some("deliveries".to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_secs(2),
            ..pull::Config::default()
        };
        let consumer = self.there().await?.get_or_create_consumer("deliveries", config).await.map_err(broker)?;
        let mut messages = consumer.messages().await.map_err(broker)?;
        while let Some(message) = messages.next().await {
            let message = message.map_err(broker)?;
            match self.receive(db, &message).await {
                // If this is lost, the message comes again.
                Ok(()) => message.ack().await.map_err(broker)?,
                Err(Trouble::Unreadable(why)) => {
                    eprintln!("an event that nobody can read: {why}");
                    message.ack_with(AckKind::Term).await.map_err(broker)?;
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    async fn receive<DB: Books>(&self, db: &Db<DB>, message: &jetstream::Message) -> Result<(), Trouble> {
        let topic = message.subject.strip_prefix(&format!("{}.", self.name)).unwrap_or_default();
        let id = message.headers.as_ref().and_then(|headers| headers.get(NATS_MESSAGE_ID));
        let id = id.and_then(|id| id.as_str().parse().ok());
        let id = id.ok_or_else(|| Trouble::Unreadable("it has no ID of ours".to_owned()))?;
        events::receive(db, id, topic, &message.payload).await
    }

    /// Deletes the stream: that of a scenario.
    pub async fn delete(&self) -> Result<(), Trouble> {
        self.context.delete_stream(&self.name).await.map_err(broker)?;
        Ok(())
    }
}
