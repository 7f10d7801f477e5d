//! The broker goes away, and comes back: orders are taken and paid meanwhile, and each event is delivered once in the end.

use crate::books::Books;
use crate::partner::mood::{Mood, Of};
use crate::scenarios::stage::{Stage, act, expect, wait_until};
use crate::{Failed, database};
use resil::Event;
use resil::outbox::{Outbox, OutboxEvent};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const ORDERS: usize = 5;

/// Before the broker, so that it can be taken away.
struct Proxy {
    url: String,
    lets_through: Arc<watch::Sender<bool>>,
}

impl Proxy {
    async fn to(url: &str) -> Result<Self, Failed> {
        let broker = url.trim_start_matches("nats://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("nats://{}", listener.local_addr()?);
        let lets_through = Arc::new(watch::Sender::new(true));
        let passes = Arc::clone(&lets_through);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *passes.borrow() {
                    tokio::spawn(forward(client, broker.clone(), passes.subscribe()));
                }
            }
        });
        Ok(Self { url, lets_through })
    }
}

/// Until the proxy lets nothing through.
async fn forward(
    mut client: TcpStream,
    broker: String,
    mut lets_through: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(broker).await?;
    tokio::select! {
        both = tokio::io::copy_bidirectional(&mut client, &mut server) => both.map(drop),
        _ = lets_through.wait_for(|lets_through| !lets_through) => Ok(()),
    }
}

/// On SQLite.
pub async fn goes_away(nats: &str) -> Result<bool, Failed> {
    let proxy = Proxy::to(nats).await?;
    let folder = tempfile::tempdir()?;
    let db = database::sqlite(&folder.path().join("shop.db")).await?;
    let url = proxy.url.clone();
    let played = act(db, Some(&url), async |stage| play(stage, &proxy).await).await;
    println!("NATS away and back ... {}", if played.is_ok() { "ok" } else { "FAILED" });
    played.inspect_err(|error| println!("  VIOLATED: {error}")).map_or(Ok(false), |()| Ok(true))
}

async fn play<DB: Books>(stage: &mut Stage<DB>, proxy: &Proxy) -> Result<(), Failed> {
    stage.partner_is(Of::Payments, Mood::Ok).await?;
    pays(stage).await?;
    wait_until("it is delivered", async || Ok(stage.compare().await?.agrees())).await?;

    let mut events = resil::registry().subscribe();
    proxy.lets_through.send_replace(false);
    for _ in 0..ORDERS {
        pays(stage).await?;
    }
    let mut attempts = 0;
    while attempts <= ORDERS {
        attempts += usize::from(matches!(events.next().await, Event::Outbox(OutboxEvent::Failed { .. })));
    }
    let outbox = Outbox::on(stage.shop.db.clone());
    let backlog = outbox.backlog().await?;
    expect((backlog.waiting, backlog.set_aside) == (ORDERS as u64, 0), &format!("nothing is given up: {backlog:?}"))?;

    proxy.lets_through.send_replace(true);
    wait_until("all is delivered", async || Ok(stage.compare().await?.agrees())).await?;
    let found = stage.compare().await?;
    expect((found.paid, found.failed) == (ORDERS + 1, 0), "each order's event is delivered once")
}

async fn pays<DB: Books>(stage: &Stage<DB>) -> Result<(), Failed> {
    let order = stage.order().await?;
    wait_until("it is paid", async || Ok(stage.state(order).await? == "paid")).await
}
