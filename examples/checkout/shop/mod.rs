//! The shop: order, payment, stock, event.

pub mod bank;
pub mod compare;
pub mod events;
pub mod nats;
pub mod orders;
pub mod payment;
pub mod routes;
pub mod trouble;

use crate::books::Books;
use bank::Bank;
use nats::Stream;
use resil::Db;
use resil::ledger::Ledger;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use trouble::Trouble;

/// What every request needs.
pub struct Shop<DB: Books> {
    pub db: Db<DB>,
    pub ledger: Ledger<DB>,
    pub bank: Arc<Bank>,
}

impl<DB: Books> Clone for Shop<DB> {
    fn clone(&self) -> Self {
        Self { db: self.db.clone(), ledger: self.ledger.clone(), bank: Arc::clone(&self.bank) }
    }
}

/// A shop that serves until it is stopped; what drops it cuts everything off.
pub struct Serving {
    pub address: SocketAddr,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

/// Ends when the shop is to stop.
async fn stopped(mut stop: watch::Receiver<bool>) {
    _ = stop.wait_for(|is_stopped| *is_stopped).await;
}

impl<DB: Books> Shop<DB> {
    /// Makes what is missing in the database.
    pub async fn open(db: Db<DB>, bank: Bank) -> Result<Self, Trouble> {
        let bank = Arc::new(bank);
        DB::create(&db).await?;
        DB::stock_up(&db, "tea", 1000).await?;
        DB::stock_up(&db, "teapot", 5).await?;
        let ledger = Ledger::on(db.clone()).operation::<DB::Payment>().provide(Arc::clone(&bank));
        // Short, so that you need not wait for half a minute.
        let ledger = ledger.lease(Duration::from_secs(1)).open().await?;
        Ok(Self { db, ledger, bank })
    }

    /// Serves, finishes what is unfinished, delivers events, and compares both books every so often, if at all.
    pub fn serve(
        &self,
        listener: TcpListener,
        stream: Option<Stream>,
        compare: Option<Duration>,
    ) -> std::io::Result<Serving> {
        let address = listener.local_addr()?;
        let (stop, stops) = watch::channel(false);
        let stopped = || stopped(stops.clone());
        let mut tasks = JoinSet::new();
        let served = axum::serve(listener, routes::router(self.clone())).with_graceful_shutdown(stopped());
        tasks.spawn(async move {
            if let Err(error) = served.await {
                eprintln!("the shop serves no more: {error}");
            }
        });
        let reconciler = self.ledger.reconciler().poll(Duration::from_millis(200));
        let unfinished = reconciler.run(stopped());
        tasks.spawn(async move { _ = unfinished.await });
        if let Some(every) = compare {
            tasks.spawn(compare::keep(self.clone(), every, stopped()));
        }
        if let Some(stream) = stream.clone() {
            tasks.spawn(stream.consume(self.db.clone(), stopped()));
        }
        tasks.spawn(events::relay(self.db.clone(), stream, stopped()));
        Ok(Serving { address, tasks, stop })
    }
}

impl Serving {
    /// Takes up nothing more, and lets what is under way end.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}
