//! The end of a service, in order.

use crate::registry;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What is to end with the service, in order: the server, relays, reconcilers, and last all bulkheads.
///
/// Each is given a future that is over when it is to stop, and starts at once, in a task of its own. Whatever runs longer than
/// [`within`](Self::within) after it was told is cut off.
///
/// ```no_run
/// # async fn serve(router: axum::Router, relay: resil::outbox::Relay<sqlx::Sqlite>, ledger: resil::ledger::Ledger<sqlx::Sqlite>) -> std::io::Result<()> {
/// use resil::Shutdown;
/// use std::time::Duration;
///
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
/// let stopped = Shutdown::new()
///     .server(|told| axum::serve(listener, router).with_graceful_shutdown(told))
///     .relay(|told| relay.run(told))
///     .reconciler(|told| ledger.reconciler().run(told))
///     .within(Duration::from_secs(15))
///     .when(async { _ = tokio::signal::ctrl_c().await })
///     .await?;
/// println!("{stopped}");
/// # Ok(()) }
/// ```
#[must_use = "nothing is told to stop until `when(..)` is awaited"]
pub struct Shutdown {
    server: Part,
    relays: Part,
    reconcilers: Part,
    within: Duration,
}

/// Tasks that are told to stop at the same time.
#[derive(Default)]
struct Part {
    tell: watch::Sender<bool>,
    tasks: Vec<JoinHandle<io::Result<()>>>,
}

/// Over when its part of the service is to stop. If nobody can tell any more, that is a stop as well.
pub struct Told(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Future for Told {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told(..)")
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown").field("within", &self.within).finish_non_exhaustive()
    }
}

impl Part {
    fn told(&self) -> Told {
        let mut stop = self.tell.subscribe();
        Told(Box::pin(async move { _ = stop.wait_for(|is_told| *is_told).await }))
    }

    fn add(&mut self, task: impl Future<Output = io::Result<()>> + Send + 'static) {
        self.tasks.push(tokio::spawn(task));
    }

    /// Tells them, and waits. How many were cut off, and the first error.
    async fn stop(self, within: Duration) -> (u32, io::Result<()>) {
        self.tell.send_replace(true);
        let until = crate::clock::after(crate::clock::instant(), within);
        let (mut cut_off, mut result) = (0, Ok(()));
        for mut task in self.tasks {
            let left = until.saturating_duration_since(crate::clock::instant());
            match timeout(left, &mut task).await {
                Ok(Ok(ended)) => result = result.and(ended),
                Ok(Err(panicked)) => result = result.and(Err(io::Error::other(panicked))),
                Err(_) => {
                    task.abort();
                    cut_off += 1;
                }
            }
        }
        (cut_off, result)
    }
}

/// What did not end in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stopped {
    /// Servers that were cut off, and with them their requests.
    pub servers: u32,
    /// Relays and reconcilers that were cut off. What they were at is found again.
    pub workers: u32,
    /// Calls in bulkheads that were cut off.
    pub calls: u32,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { servers, workers, calls } = self;
        write!(f, "cut off: {servers} servers, {workers} relays and reconcilers, {calls} calls in bulkheads")
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// Nothing yet but the bulkheads, which end last.
    pub fn new() -> Self {
        let [server, relays, reconcilers] = [Part::default(), Part::default(), Part::default()];
        Self { server, relays, reconcilers, within: Duration::from_secs(15) }
    }

    /// Starts a server, which stops first: it takes no new requests and lets those that run end. If it ends by itself,
    /// everything else is told to stop.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, as the two below.
    pub fn server<F>(mut self, start: impl FnOnce(Told) -> F) -> Self
    where
        F: IntoFuture<Output = io::Result<()>>,
        F::IntoFuture: Send + 'static,
    {
        let server = start(self.server.told()).into_future();
        self.server.add(server);
        self
    }

    /// Starts a relay, which stops after the servers.
    pub fn relay<F: Future<Output: Send> + Send + 'static>(mut self, start: impl FnOnce(Told) -> F) -> Self {
        let relay = start(self.relays.told());
        self.relays.add(async move {
            relay.await;
            Ok(())
        });
        self
    }

    /// Starts a reconciler, which stops after the relays.
    pub fn reconciler<F: Future<Output: Send> + Send + 'static>(mut self, start: impl FnOnce(Told) -> F) -> Self {
        let reconciler = start(self.reconcilers.told());
        self.reconcilers.add(async move {
            reconciler.await;
            Ok(())
        });
        self
    }

    /// How long each of the four steps may take; 15 s, which is above the `grace` of relays and reconcilers.
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// Waits for the signal, or for a server to end, and then stops everything in order. Close the database's pool after it.
    ///
    /// Dropping the future tells all of them to stop at the same time, and waits for none.
    ///
    /// # Errors
    ///
    /// That of a server, or that something panicked; everything else has been stopped all the same.
    pub async fn when(mut self, signal: impl Future<Output = ()>) -> io::Result<Stopped> {
        let mut early = Ok(());
        {
            let mut signal = pin!(signal);
            let servers = &mut self.server.tasks;
            let ended = std::future::poll_fn(|cx| {
                if signal.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                let mut all = servers.iter_mut().enumerate();
                all.find_map(|(at, task)| match Pin::new(task).poll(cx) {
                    Poll::Ready(ended) => Some(Poll::Ready(Some((at, ended)))),
                    Poll::Pending => None,
                })
                .unwrap_or(Poll::Pending)
            })
            .await;
            if let Some((at, ended)) = ended {
                // A task that has answered is asked no more.
                drop(servers.swap_remove(at));
                early = ended.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
            }
        }
        let within = self.within;
        let (servers, served) = self.server.stop(within).await;
        let (relays, relayed) = self.relays.stop(within).await;
        let (reconcilers, reconciled) = self.reconcilers.stop(within).await;
        let calls = registry().shutdown(within).await;
        early.and(served).and(relayed).and(reconciled)?;
        Ok(Stopped { servers, workers: relays + reconcilers, calls })
    }
}
