//! The run-time net: what holds a transaction or a connection is known to every call within, and to none beside it.

#![expect(clippy::unwrap_used, reason = "a test")]

mod support;

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use resil::{
    Backend, Db, Error, Event, GuardMode, Holds, bulkhead, outside_transaction, registry, timeout, transactional,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A partner that counts what reaches it.
#[derive(Clone, Default)]
struct Partner(Arc<AtomicU32>);

/// Where the call below stands.
const CALL: u32 = line!() + 3;

impl Partner {
    #[outside_transaction]
    async fn call(&self) -> Result<u32, Error> {
        Ok(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn calls(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What types do not see.
trait Gateway: Send + Sync {
    fn call<'a>(&'a self) -> std::pin::Pin<Box<dyn Future<Output = Result<u32, Error>> + Send + 'a>>;
}

impl Gateway for Partner {
    fn call<'a>(&'a self) -> std::pin::Pin<Box<dyn Future<Output = Result<u32, Error>> + Send + 'a>> {
        Box::pin(Partner::call(self))
    }
}

async fn three_down(gateway: &dyn Gateway) -> Result<u32, Error> {
    two_down(gateway).await
}

async fn two_down(gateway: &dyn Gateway) -> Result<u32, Error> {
    one_down(gateway).await
}

#[timeout("5s")]
async fn one_down(gateway: &dyn Gateway) -> Result<u32, Error> {
    gateway.call().await
}

#[bulkhead(threads = 1)]
async fn elsewhere(partner: Partner) -> Result<u32, Error> {
    partner.call().await
}

fn is_inside(outcome: &Result<u32, Error>, holds: Holds) -> bool {
    matches!(outcome, Err(Error::InsideTransaction { place, .. }) if place.began.holds == holds)
}

fn refused(outcome: &Result<u32, Error>) -> bool {
    is_inside(outcome, Holds::Transaction)
}

async fn a_call_in_a_closure_is_refused_and_named<DB: Backend>(db: Db<DB>) {
    let partner = Partner::default();
    let (begun, called) = (line!() + 1, line!() + 2);
    let outcome = db.transaction(async |_tx| {
        let outcome = partner.call().await;
        Ok::<_, Error>(outcome)
    });
    let error = outcome.await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "transaction_guard::call (tests/transaction_guard.rs:{CALL}) was called at tests/transaction_guard.rs:{called}:31 \
             inside the transaction of db.transaction(..) (tests/transaction_guard.rs:{begun}): not sent. Call it before \
             the transaction, or after its commit"
        )
    );
    assert_eq!(partner.calls(), 0);
    assert_eq!(partner.call().await.unwrap(), 1, "the transaction is over");
}

async fn a_call_in_a_savepoint_is_refused<DB: Backend>(db: Db<DB>) {
    let partner = Partner::default();
    let outcome: Result<Result<u32, Error>, Error> =
        db.transaction(async |tx| tx.savepoint(async |_tx| Ok(partner.call().await)).await).await;
    assert!(refused(&outcome.unwrap()));
}

async fn calls_joined_and_selected_inside_are_refused<DB: Backend>(db: Db<DB>) {
    let partner = Partner::default();
    db.transaction(async |_tx| {
        let (one, other) = tokio::join!(partner.call(), three_down(&partner));
        assert!(refused(&one) && refused(&other));
        tokio::select! {
            outcome = partner.call() => assert!(refused(&outcome)),
            () = std::future::pending() => {}
        }
        assert!(partner.call().map(|outcome| refused(&outcome)).await);
        let mut all: FuturesUnordered<_> = [partner.call(), partner.call()].into_iter().collect();
        while let Some(outcome) = all.next().await {
            assert!(refused(&outcome));
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    assert_eq!(partner.calls(), 0);
}

async fn a_call_behind_dyn_three_functions_down_is_refused<DB: Backend>(db: Db<DB>) {
    let partner = Partner::default();
    let outcome = db.transaction(async |_tx| Ok::<_, Error>(three_down(&partner).await)).await.unwrap();
    assert!(refused(&outcome));
}

async fn a_bulkhead_and_a_task_of_ours_inherit_what_is_held<DB: Backend>(db: Db<DB>) {
    let partner = Partner::default();
    let (go, waits) = tokio::sync::oneshot::channel();
    let later = db
        .transaction(async |_tx| {
            assert!(refused(&elsewhere(partner.clone()).await));
            let ours = partner.clone();
            let now = resil::spawn(async move { ours.call().await });
            assert!(refused(&now.await.unwrap()));
            let ours = partner.clone();
            Ok::<_, Error>(resil::spawn(async move {
                _ = waits.await;
                ours.call().await
            }))
        })
        .await
        .unwrap();
    _ = go.send(());
    assert_eq!(later.await.unwrap().unwrap(), 1, "a task that outlives the transaction is free of it");
}

async fn a_call_beside_the_transaction_is_not_accused<DB: Backend>(db: Db<DB>) {
    let partner = Partner::default();
    let (inside, waits) = tokio::sync::oneshot::channel();
    let (done, finish) = tokio::sync::oneshot::channel();
    let transaction = db.transaction(async |_tx| {
        _ = inside.send(());
        _ = finish.await;
        Ok::<_, Error>(())
    });
    let beside = async {
        _ = waits.await;
        let outcome = partner.call().await;
        _ = done.send(());
        outcome
    };
    let (ended, outcome) = tokio::join!(transaction, beside);
    ended.unwrap();
    assert_eq!(outcome.unwrap(), 1);
}

async fn a_transaction_that_is_dropped_or_panics_is_cleared<DB: Backend>(db: Db<DB>) {
    let partner = Partner::default();
    let (inside, begun) = tokio::sync::oneshot::channel();
    {
        let dropped = db.transaction(async |_tx| {
            _ = inside.send(());
            std::future::pending::<Result<(), Error>>().await
        });
        tokio::select! {
            _ = dropped => unreachable!(),
            _ = begun => {}
        }
        assert!(partner.call().await.is_ok());
    }
    let panics = db.transaction(async |_tx| -> Result<(), Error> { panic!("as planned") });
    assert!(std::panic::AssertUnwindSafe(panics).catch_unwind().await.is_err());
    assert_eq!(partner.call().await.unwrap(), 2);
}

async fn a_call_with_a_connection_checked_out_is_refused<DB: Backend>(db: Db<DB>) {
    let partner = Partner::default();
    let outcome = db.connection(async |_connection| Ok::<_, Error>(partner.call().await)).await.unwrap();
    assert!(is_inside(&outcome, Holds::Connection));
    assert!(outcome.unwrap_err().to_string().contains("inside the connection of db.connection(..)"));
    assert_eq!(partner.call().await.unwrap(), 1);
}

/// Documented as unseen.
async fn a_plain_task_and_a_raw_transaction_are_not_seen<DB: Backend>(db: Db<DB>) {
    let partner = Partner::default();
    let ours = partner.clone();
    let plain = db
        .transaction(async |_tx| Ok::<_, Error>(tokio::spawn(async move { ours.call().await }).await.unwrap()))
        .await
        .unwrap();
    assert!(plain.is_ok());
    let raw = db.pool().unwrap().begin().await.unwrap();
    assert!(partner.call().await.is_ok());
    drop(raw);
}

async fn modes_let_calls_through_and_count_them<DB: Backend>(db: Db<DB>) {
    let partner = Partner::default();
    let inside = async || db.transaction(async |_tx| Ok::<_, Error>(three_down(&partner).await)).await.unwrap();
    let mut events = registry().subscribe();
    let mut told =
        || std::iter::from_fn(|| events.try_next()).filter(|e| matches!(e, Event::CalledInside { .. })).count();

    assert!(refused(&inside().await));
    assert_eq!(told(), 1);
    registry().guard_transactions(GuardMode::Warn);
    assert_eq!(inside().await.unwrap(), 1);
    assert_eq!(told(), 1);
    registry().guard_transactions(GuardMode::Count);
    assert_eq!(inside().await.unwrap(), 2);
    assert_eq!(told(), 0);
    assert_eq!(registry().calls_inside_transactions(), 3);
}

async fn a_reason_lets_one_call_through<DB: Backend>(db: Db<DB>) {
    let partner = Partner::default();
    let mut events = registry().subscribe();
    db.transaction(async |_tx| {
        let allowed = resil::allow("the partner is a process of ours", async {
            three_down(&partner).await?;
            partner.call().await
        });
        assert_eq!(allowed.await.unwrap(), 2);
        assert!(refused(&partner.call().await), "and no other");
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let allowed = std::iter::from_fn(|| events.try_next()).filter(|event| matches!(event, Event::AllowedInside { .. }));
    assert_eq!(allowed.count(), 2);
}

async fn a_second_connection_of_one_database_is_refused<DB: Backend>(db: Db<DB>) {
    db.transaction(async |_tx| {
        let second: Result<(), Error> = db.transaction(async |_tx| Ok(())).await;
        let message = second.unwrap_err().to_string();
        assert!(message.starts_with("a second connection is asked for inside the transaction of"), "{message}");
        assert!(matches!(db.connection(async |_connection| Ok(())).await, Err(Error::Transaction(_))));
        assert!(matches!(db.pool(), Err(Error::Transaction(_))));
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    assert!(db.pool().is_ok());
}

struct Shop<DB: Backend> {
    db: Db<DB>,
    partner: Partner,
}

impl<DB: Backend> Shop<DB> {
    #[transactional(tx = self.db)]
    async fn order(&self) -> Result<u32, Error> {
        let part = self.part(tx).await;
        assert!(refused(&part));
        part
    }

    #[transactional(tx)]
    async fn part(&self, tx: &mut resil::Tx<DB>) -> Result<u32, Error> {
        let outcome = tx.savepoint(async |_tx| Ok::<_, Error>(three_down(&self.partner).await)).await?;
        assert!(refused(&outcome));
        three_down(&self.partner).await
    }
}

async fn an_annotated_transaction_is_seen_by_what_takes_part_in_it<DB: Backend>(db: Db<DB>) {
    let shop = Shop { db, partner: Partner::default() };
    let error = shop.order().await.unwrap_err().to_string();
    assert!(
        error.contains("inside the transaction of transaction_guard::order (tests/transaction_guard.rs:"),
        "{error}"
    );
    assert_eq!(shop.partner.calls(), 0);
}

/// A partner behind a socket, which counts who connects and what arrives.
struct Remote {
    address: std::net::SocketAddr,
    heard: Arc<AtomicU32>,
}

impl Remote {
    async fn listen() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Arc::new(AtomicU32::new(0)));
        let counts = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                counts.fetch_add(1, Ordering::Relaxed);
                let mut bytes = [0; 16];
                let read = caller.read(&mut bytes).await.unwrap();
                counts.fetch_add(u32::try_from(read).unwrap(), Ordering::Relaxed);
                caller.write_all(b"heard").await.unwrap();
            }
        });
        Self { address, heard }
    }

    #[outside_transaction]
    #[timeout("5s")]
    async fn send(&self) -> std::io::Result<()> {
        let mut stream = tokio::net::TcpStream::connect(self.address).await?;
        stream.write_all(b"charge").await?;
        stream.read_exact(&mut [0; 5]).await.map(drop)
    }
}

impl Gateway for Remote {
    fn call<'a>(&'a self) -> std::pin::Pin<Box<dyn Future<Output = Result<u32, Error>> + Send + 'a>> {
        Box::pin(async {
            match self.send().await {
                Ok(()) => Ok(1),
                Err(error) => Err(error.downcast::<Error>().unwrap()),
            }
        })
    }
}

/// The first wrong program of four, the call in a body under `#[transactional]`, does not compile: see `tests/ui`.
async fn no_byte_reaches_the_partner_of_a_wrong_program<DB: Backend>(db: Db<DB>) {
    let remote = Remote::listen().await;
    let in_a_closure = db.transaction(async |_tx| Ok::<_, Error>(Gateway::call(&remote).await)).await.unwrap();
    assert!(refused(&in_a_closure));
    let with_a_connection = db.connection(async |_connection| Ok::<_, Error>(remote.call().await)).await.unwrap();
    assert!(is_inside(&with_a_connection, Holds::Connection));
    let three_down = db.transaction(async |_tx| Ok::<_, Error>(three_down(&remote).await)).await.unwrap();
    assert!(refused(&three_down));
    assert_eq!(remote.heard.load(Ordering::Relaxed), 0);

    remote.call().await.unwrap();
    assert_eq!(remote.heard.load(Ordering::Relaxed), 7, "one connection and six bytes");
}

on_both! {
    no_byte_reaches_the_partner_of_a_wrong_program,
    a_call_in_a_closure_is_refused_and_named,
    a_call_in_a_savepoint_is_refused,
    calls_joined_and_selected_inside_are_refused,
    a_call_behind_dyn_three_functions_down_is_refused,
    a_bulkhead_and_a_task_of_ours_inherit_what_is_held,
    a_call_beside_the_transaction_is_not_accused,
    a_transaction_that_is_dropped_or_panics_is_cleared,
    a_call_with_a_connection_checked_out_is_refused,
    a_plain_task_and_a_raw_transaction_are_not_seen,
    modes_let_calls_through_and_count_them,
    a_reason_lets_one_call_through,
    a_second_connection_of_one_database_is_refused,
    an_annotated_transaction_is_seen_by_what_takes_part_in_it,
}
