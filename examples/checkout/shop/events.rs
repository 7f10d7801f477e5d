//! Events: recorded with the order, delivered afterwards, and acted upon once however often they arrive.

use super::nats::Stream;
use super::trouble::Trouble;
use crate::books::Books;
use resil::outbox::{Message, MessageId, Outbox};
use resil::{Db, Once, Tx};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What has become of an order. Its topic says what.
#[derive(Debug, Serialize, Deserialize)]
pub struct OrderEvent {
    pub order: i64,
    pub won: u32,
}

/// In the transaction that makes it true.
pub async fn announce<DB: Books>(tx: &mut Tx<DB>, topic: &str, order: i64, won: u32) -> Result<(), Trouble> {
    tx.outbox(topic, &OrderEvent { order, won }).ordered_by(order).await?;
    Ok(())
}

/// Hands the events to a stream of NATS, or without one to the consumer in this process. Runs until it is to stop.
pub async fn relay<DB: Books>(db: Db<DB>, stream: Option<Stream>, stop: impl Future<Output = ()>) {
    let consumer = db.clone();
    let hand_on = move |message: Message| {
        let (db, stream) = (consumer.clone(), stream.clone());
        async move {
            let Message { id, topic, payload, .. } = message;
            match stream {
                Some(stream) => stream.publish(&id.to_string(), &topic, payload).await,
                None => receive(&db, id, &topic, payload.as_bytes()).await,
            }
        }
    };
    // Other services may have theirs in the same schema.
    let relay = Outbox::on(db).relay().on("order.paid", hand_on.clone()).on("order.failed", hand_on);
    let relay = relay.poll(Duration::from_millis(200)).lease(Duration::from_secs(4)).base(Duration::from_millis(100));
    relay.run(stop).await;
}

/// The consumer: a parcel for what is paid, a letter of regret for what has failed. The effect and the name of the message
/// are written in one transaction, so a message that arrives twice has its effect once.
pub async fn receive<DB: Books>(db: &Db<DB>, id: MessageId, topic: &str, payload: &[u8]) -> Result<(), Trouble> {
    let unreadable = |error: serde_json::Error| Trouble::Unreadable(error.to_string());
    let event: OrderEvent = serde_json::from_slice(payload).map_err(unreadable)?;
    let once = Once::of("order.deliver", id).keep(Duration::from_hours(24 * 7));
    let delivered = db.once(once, async |tx| Ok::<_, Trouble>(DB::deliver(tx, event.order, topic).await?));
    delivered.await.map(drop)
}
