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

/// A shop that serves until it is dropped.
pub struct Serving {
    pub address: SocketAddr,
    tasks: JoinSet<()>,
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
        let mut tasks = JoinSet::new();
        let router = routes::router(self.clone());
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the shop serves no more: {error}");
            }
        });
        let reconciler = self.ledger.reconciler().poll(Duration::from_millis(200));
        tasks.spawn(async move { _ = reconciler.run(std::future::pending()).await });
        if let Some(every) = compare {
            tasks.spawn(compare::keep(self.clone(), every));
        }
        if let Some(stream) = stream.clone() {
            tasks.spawn(stream.consume(self.db.clone()));
        }
        tasks.spawn(events::relay(self.db.clone(), stream));
        Ok(Serving { address, tasks })
    }
}

impl Serving {
    /// For as long as it lasts.
    pub async fn ended(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
