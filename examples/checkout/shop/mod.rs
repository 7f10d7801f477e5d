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
use axum::Router;
use bank::Bank;
use nats::Stream;
use resil::ledger::Ledger;
use resil::{Db, Shutdown};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
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

/// A shop that serves until it is told to end, or dropped.
pub struct Serving {
    pub address: SocketAddr,
    pub shutdown: Shutdown,
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

    /// Serves, what operators ask included; finishes what is unfinished, delivers events, and compares both books every so often,
    /// if at all.
    pub fn serve(
        &self,
        listener: TcpListener,
        operation: Router,
        stream: Option<Stream>,
        compare: Option<Duration>,
    ) -> std::io::Result<Serving> {
        let address = listener.local_addr()?;
        let router = routes::router(self.clone()).merge(operation);
        let reconciler = self.ledger.reconciler().poll(Duration::from_millis(200));
        let mut shutdown = Shutdown::new()
            .server(|told| axum::serve(listener, router).with_graceful_shutdown(told))
            .relay(|told| events::relay(self.db.clone(), stream.clone(), told))
            .reconciler(|told| reconciler.run(told));
        if let Some(stream) = stream {
            shutdown = shutdown.relay(|told| stream.consume(self.db.clone(), told));
        }
        if let Some(every) = compare {
            shutdown = shutdown.reconciler(|told| compare::keep(self.clone(), every, told));
        }
        Ok(Serving { address, shutdown })
    }
}
