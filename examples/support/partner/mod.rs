//! A business partner on the other end of a loopback socket, who fails the way real ones do.
//!
//! [`Partner::start`] serves HTTP/1.1 from inside the process, written straight onto sockets,
//! because an HTTP library would not withhold an answer, cut one in half or reset a connection
//! on command. Without a script the partner is well-behaved:
//!
//! - `POST /orders` accepts an order: 201 `{"order":1}`. An `idempotency-key` accepted before
//!   gets the same answer again (marked `idempotent-replayed: true`) and no second order;
//!   without a key, every request is a new order.
//! - `PUT /addresses/{id}` stores an address over the one before.
//! - Everything else is 404.
//!
//! A script says, path by path, how successive requests fare instead:
//!
//! ```ignore
//! let partner = Partner::start()?;
//! partner.on("/orders").answers([Answer::ApplyThenLose, Answer::AsUsual]);
//! // … post the order, lose the answer, post it again with the same key …
//! assert_eq!(partner.book().len(), 1);
//! assert_eq!(partner.requests("/orders"), 2);
//! ```
//!
//! A request counts, and has had its effect on the book, once the partner has read all of it;
//! the answer (or none) comes after. The waiting methods have no limit of their own: put a
//! `tokio::time::timeout` around them.
//!
//! The folder is a module shared by source (`#[path = "…/support/partner/mod.rs"] mod partner;`)
//! and needs tokio's `net`, `rt`, `time`, `macros`, `io-util` and `sync`.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each program that includes this module uses its own part of it"
)]

mod answer;
mod book;
mod connection;
mod date;
mod request;
mod response;
mod state;
pub mod unreachable;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use answer::Answer;
pub use book::Order;
pub use state::Seen;

use state::State;

/// What the handle and the connections share: everyone who changes it wakes everyone waiting.
type Shared = watch::Sender<State>;

/// A running partner.
///
/// Dropping it stops it: from then on no request is served, and its address refuses and its
/// connections close as soon as the runtime gets to it. [`Partner::stop`] waits for that.
#[derive(Debug)]
pub struct Partner {
    addr: SocketAddr,
    shared: Shared,
    running: JoinHandle<()>,
}

impl Partner {
    /// Starts a well-behaved partner on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// Where no port can be had, or outside of a tokio runtime.
    pub fn start() -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let shared = Shared::new(State::default());
        let running = run(TcpListener::from_std(listener)?, shared.clone());
        Ok(Self { addr, shared, running: runtime.spawn(running) })
    }

    /// Stops the partner, and returns once its address refuses and its connections are closed.
    pub async fn stop(mut self) {
        self.signal_stop();
        let _ = (&mut self.running).await;
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of one of its paths, which starts with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Starts a script for a path (whatever the method and query).
    #[must_use = "a script needs its answers"]
    pub fn on(&self, path: &str) -> Script<'_> {
        Script { partner: self, path: path.to_owned() }
    }

    /// The orders it has really accepted, oldest first.
    pub fn book(&self) -> Vec<Order> {
        self.shared.borrow().book.orders().to_vec()
    }

    /// The address it has really stored under `id`, if any.
    pub fn address(&self, id: &str) -> Option<String> {
        self.shared.borrow().book.address(id).map(str::to_owned)
    }

    /// Every request it has read, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.borrow().seen.clone()
    }

    /// How many requests for `path` it has read.
    pub fn requests(&self, path: &str) -> usize {
        self.shared.borrow().requests(path)
    }

    /// How many requests for `path` it has read that used `method`.
    pub fn requests_with(&self, method: &str, path: &str) -> usize {
        let state = self.shared.borrow();
        let matching = |seen: &&Seen| seen.path == path && seen.method == method;
        state.seen.iter().filter(matching).count()
    }

    /// How many clients left `path` while an answer was withheld from or dripped to them.
    pub fn clients_left(&self, path: &str) -> usize {
        self.shared.borrow().left(path)
    }

    /// Resolves once at least `n` requests for `path` have been read, since the start.
    pub async fn wait_for_requests(&self, path: &str, n: usize) {
        self.wait_for(|state| state.requests(path) >= n).await;
    }

    /// Resolves once a client has left `path` while an answer was withheld from or dripped to
    /// it; at once, if that has happened already.
    pub async fn wait_until_client_left(&self, path: &str) {
        self.wait_until_clients_left(path, 1).await;
    }

    /// Resolves once at least `n` clients have left `path` in that way, since the start.
    pub async fn wait_until_clients_left(&self, path: &str, n: usize) {
        self.wait_for(|state| state.left(path) >= n).await;
    }

    fn signal_stop(&self) {
        self.shared.send_modify(|state| state.stopped = true);
    }

    async fn wait_for(&self, mut reached: impl FnMut(&State) -> bool) {
        // It fails only without a sender, and `self` holds one.
        let _ = self.shared.subscribe().wait_for(|s| reached(s)).await;
    }
}

impl Drop for Partner {
    fn drop(&mut self) {
        self.signal_stop();
    }
}

/// The start of a script: [`Partner::on`] a path …
#[derive(Debug)]
pub struct Script<'partner> {
    partner: &'partner Partner,
    path: String,
}

impl Script<'_> {
    /// … each request takes the next of these answers, and the last one repeats.
    ///
    /// This replaces the script the path had. No answers at all: back to [`Answer::AsUsual`].
    pub fn answers(self, answers: impl IntoIterator<Item = Answer>) {
        let answers = answers.into_iter().collect();
        self.partner.shared.send_modify(|state| state.script(self.path, answers));
    }
}

/// Serves connections until the partner is stopped, then ends them all.
async fn run(listener: TcpListener, shared: Shared) {
    let mut connections = JoinSet::new();
    let mut watching = shared.subscribe();
    let stopped = async {
        let _ = watching.wait_for(|state| state.stopped).await;
    };
    tokio::select! {
        () = stopped => {}
        () = accept(&listener, &shared, &mut connections) => {}
    }
    // In this order: who sees its connection end finds the address refusing.
    drop(listener);
    connections.shutdown().await;
}

/// Accepts connections, for as long as it is polled.
async fn accept(listener: &TcpListener, shared: &Shared, connections: &mut JoinSet<()>) {
    let mut number = 0;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: let some be closed before trying again.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        number += 1;
        connections.spawn(connection::serve(stream, number, shared.clone()));
        while connections.try_join_next().is_some() {}
    }
}
