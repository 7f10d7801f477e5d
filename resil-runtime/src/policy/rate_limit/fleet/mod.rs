//! One rate for many processes, through a store that all of them reach.
//!
//! A process leases tokens for about 100 ms at a time, following its own demand, so that a call makes no round trip. What it does
//! not use it gives back. In any span *t* all of them together begin at most rate · *t* + max(burst, largest cost, rate · 100 ms) +
//! one lease for each process.

mod hub;
mod lease;

pub(super) use hub::Hub;
pub(super) use lease::{Lease, Outlook};

pub use crate::registry::Lost;
use crate::registry::Registry;
use crate::{Error, Misconfiguration};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long tokens are leased for.
const LEASE: Duration = Duration::from_millis(100);
/// How long from one question to the next: at half of a lease, so that a call need not wait for the answer.
const ROUND: Duration = Duration::from_millis(50);

/// What a process asks of the store for one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The limit's name.
    pub name: &'static str,
    /// Which of its keys, if it has a rate for each.
    pub key: Option<u64>,
    /// Nanoseconds from one token to the next.
    pub interval: u64,
    /// How many tokens there are after a pause: at least a lease of the whole rate.
    pub burst: u32,
    /// How many tokens its calls ask for in a lease's time: what the tokens are shared by.
    pub demand: u32,
    /// How many they have asked for since the last question.
    pub arrived: u32,
    /// How many it needs.
    pub want: u32,
    /// How many it gives back.
    pub back: u32,
    /// Whether it has leased before. A row that is not there then begins empty and not full.
    pub is_known: bool,
}

/// What the store answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// How many tokens the process may use.
    pub granted: u32,
    /// How many tokens the calls of all processes ask for in a lease's time.
    pub demand: u32,
    /// How long until there is another token.
    pub wait: Duration,
    /// Whether another process has this limit with another rate or burst.
    pub differs: bool,
}

/// What one process has of a fleet's rate. See [`Usage`](super::Usage).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Part {
    /// The fraction of the rate that is this process's while the store does not answer: that of its calls among all of the fleet.
    pub share: f64,
    /// Whether the store does not answer.
    pub is_lost: bool,
}

/// Where the processes of a fleet share their rates. [`Db`](crate::Db) on PostgreSQL is one.
///
/// It must count by one clock for all of them, and give away no token twice. An answer that comes late is used up late, and
/// not more than once.
pub trait Store: Send + Sync + 'static {
    /// Takes back and grants, for each limit one answer in the order of the questions.
    fn lease<'a>(&'a self, asks: &'a [Ask]) -> Pin<Box<dyn Future<Output = Result<Vec<Answer>, Error>> + Send + 'a>>;
}

/// The store of this process's rate limits that say `fleet`.
///
/// ```no_run
/// # #[cfg(feature = "postgres")]
/// # async fn main_() -> Result<(), Box<dyn std::error::Error>> {
/// use resil::policy::rate_limit::Fleet;
///
/// let db = resil::Db::new(sqlx::PgPool::connect("postgres://localhost/shop").await?);
/// db.migrate().await?;
/// Fleet::on(&db).await?.install()?;
/// resil::check()?; // after it, so that it knows of the store
/// # Ok(()) }
/// ```
#[must_use = "a store is used once it is installed"]
pub struct Fleet(Arc<dyn Store>);

impl Fleet {
    /// A store of your own.
    pub fn of(store: impl Store) -> Self {
        Self(Arc::new(store))
    }

    /// Makes it the store of this process; in a test that isolated itself, of that test.
    ///
    /// # Errors
    ///
    /// [`Misconfiguration`] if there is one already.
    pub fn install(self) -> Result<(), Misconfiguration> {
        let problem =
            || "a fleet has one store, and this process has it already: write `Fleet::..install()` once".to_owned();
        Registry::with(Hub::of).install(self.0).map_err(|_| Misconfiguration::new(vec![problem()]))
    }
}

/// For one of your own that stands before it.
impl Store for Fleet {
    fn lease<'a>(&'a self, asks: &'a [Ask]) -> Pin<Box<dyn Future<Output = Result<Vec<Answer>, Error>> + Send + 'a>> {
        self.0.lease(asks)
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fleet")
    }
}
