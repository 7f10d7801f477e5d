//! Our own books, and the operations that write them.

use crate::spec::Body;
use resil::ledger::{OriginalKey, Report, Status};
use resil::{Backend, Classify, Db, Error, IdempotencyKey, Tx, durable, timeout};
use sqlx::{Postgres, Sqlite};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// What SQL the play needs, on either database.
pub trait Books: Backend {
    async fn create(db: &Db<Self>);
    async fn clear(db: &Db<Self>);
    /// Ends the grace that keeps reconcilers off a fresh intent.
    async fn end_grace(db: &Db<Self>);
    fn insert(tx: &mut Tx<Self>, order: i64) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
    fn set(tx: &mut Tx<Self>, order: i64, to: &str) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
    /// What the order is, and how often it was changed.
    fn order(db: &Db<Self>, order: i64) -> impl Future<Output = Option<(String, i64)>> + Send;
    /// What the ledger says of the only intent.
    fn intent(db: &Db<Self>) -> impl Future<Output = Option<Intent>> + Send;
    /// How many intents are APPLIED.
    async fn applied(db: &Db<Self>) -> i64;
}

#[derive(Debug, Clone)]
pub struct Intent {
    pub state: String,
    pub why: String,
    history: String,
}

impl Intent {
    /// How often it has said CALLING. A line is a time, a state and why; and after a tab how often, and when last.
    pub fn callings(&self) -> u32 {
        let lines = self
            .history
            .lines()
            .filter(|line| line.split(' ').nth(1).is_some_and(|state| state.starts_with("CALLING")));
        let times = |line: &str| line.split('\t').nth(1)?.split(' ').next()?.parse().ok();
        lines.map(|line| times(line).unwrap_or(1)).sum()
    }
}

const INTENT: &str = "SELECT state, why, history FROM resil_intents";

macro_rules! books {
    ($database:ty) => {
        impl Books for $database {
            async fn create(db: &Db<Self>) {
                db.migrate().await.unwrap();
                let create = "CREATE TABLE IF NOT EXISTS orders (id BIGINT, state TEXT, changes BIGINT)";
                sqlx::raw_sql(create).execute(db.pool().unwrap()).await.unwrap();
            }

            async fn clear(db: &Db<Self>) {
                let clear = "DELETE FROM orders; DELETE FROM resil_intents";
                sqlx::raw_sql(clear).execute(db.pool().unwrap()).await.unwrap();
            }

            async fn end_grace(db: &Db<Self>) {
                let end = "UPDATE resil_intents SET due = 0 WHERE epoch = 0";
                sqlx::raw_sql(end).execute(db.pool().unwrap()).await.unwrap();
            }

            async fn insert(tx: &mut Tx<Self>, order: i64) -> Result<(), sqlx::Error> {
                let insert = sqlx::query("INSERT INTO orders VALUES ($1, 'pending', 0)");
                insert.bind(order).execute(&mut *tx).await.map(drop)
            }

            async fn set(tx: &mut Tx<Self>, order: i64, to: &str) -> Result<(), sqlx::Error> {
                let update = sqlx::query("UPDATE orders SET state = $2, changes = changes + 1 WHERE id = $1");
                update.bind(order).bind(to).execute(&mut *tx).await.map(drop)
            }

            async fn order(db: &Db<Self>, order: i64) -> Option<(String, i64)> {
                let select = sqlx::query_as("SELECT state, changes FROM orders WHERE id = $1");
                select.bind(order).fetch_optional(db.pool().unwrap()).await.unwrap()
            }

            async fn applied(db: &Db<Self>) -> i64 {
                let count = sqlx::query_scalar("SELECT count(*) FROM resil_intents WHERE state = 'APPLIED'");
                count.fetch_one(db.pool().unwrap()).await.unwrap()
            }

            async fn intent(db: &Db<Self>) -> Option<Intent> {
                let select = sqlx::query_as(INTENT).fetch_optional(db.pool().unwrap());
                let (state, why, history) = select.await.unwrap()?;
                Some(Intent { state, why, history })
            }
        }
    };
}
books!(Sqlite);
books!(Postgres);

/// The partner at the other end of a socket.
#[derive(Clone, Copy)]
pub struct Partner {
    pub address: SocketAddr,
    pub body: Body,
}

#[derive(Debug, Classify)]
pub enum PartnerError {
    #[classify(delegate)]
    Io(std::io::Error),
    #[classify(status)]
    Status(u16),
    #[classify(permanent)]
    Undecodable,
    #[classify(delegate)]
    Policy(Error),
}

impl std::fmt::Display for PartnerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl From<std::io::Error> for PartnerError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Error> for PartnerError {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

impl Partner {
    /// One line there, one line back. It carries the key of the call that it is made in, as `.checked()` does.
    async fn ask(&self, what: &str, order: i64, rest: impl std::fmt::Display) -> Result<String, PartnerError> {
        let key = IdempotencyKey::current().map_or_else(|| "-".to_owned(), |key| key.to_string());
        let line = format!("{what} {order} {key} {rest}\n");
        let mut stream = BufReader::new(TcpStream::connect(self.address).await?);
        stream.get_mut().write_all(line.as_bytes()).await?;
        super::child::place("sent");
        let mut answer = String::new();
        if stream.read_line(&mut answer).await? == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into());
        }
        match answer.trim().split_once(' ') {
            Some(("status", code)) => Err(PartnerError::Status(code.parse().unwrap())),
            Some(("ok", rest)) => Ok(rest.to_owned()),
            _ => Err(PartnerError::Undecodable),
        }
    }
}

/// What our own books refuse.
pub const REFUSED_HERE: u64 = 13;
/// What they trip over twice.
pub const TRIPS_HERE: u64 = 14;
static TRIPPED: AtomicU32 = AtomicU32::new(0);

#[derive(Debug, Classify)]
enum BooksError {
    #[classify(caller)]
    Refused,
    #[classify(delegate)]
    Constraint(Box<BooksError>),
    #[classify(delegate)]
    Sql(sqlx::Error),
}

impl std::fmt::Display for BooksError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

async fn paid<DB: Books>(tx: &mut Tx<DB>, order: i64, won: u64, _receipt: &u64) -> Result<(), BooksError> {
    DB::set(tx, order, "paid").await.map_err(BooksError::Sql)?;
    match won {
        REFUSED_HERE => Err(BooksError::Refused),
        TRIPS_HERE if TRIPPED.fetch_add(1, Ordering::Relaxed) < 2 => {
            Err(BooksError::Constraint(Box::new(BooksError::Refused)))
        }
        _ => Ok(()),
    }
}

async fn failed<DB: Books>(tx: &mut Tx<DB>, order: i64, _won: u64, _why: &Report) -> Result<(), sqlx::Error> {
    DB::set(tx, order, "failed").await
}

#[timeout("2s")]
async fn charge(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
    assert_eq!(IdempotencyKey::current().as_ref(), Some(key));
    // Somebody has put the time of day into the body.
    let stamp = if partner.body == Body::Fresh { fastrand::u64(..) } else { 0 };
    let receipt = partner.ask("call", order, format!("{won} {stamp}")).await?;
    receipt.parse().map_err(|_| PartnerError::Undecodable)
}

#[timeout("2s")]
async fn status(partner: &Partner, order: i64, _won: u64, original: &OriginalKey) -> Result<Status<u64>, PartnerError> {
    let answer = partner.ask("check", order, original).await?;
    match answer.split_once(' ') {
        Some(("applied", receipt)) => receipt.parse().map(Status::Applied).map_err(|_| PartnerError::Undecodable),
        _ => Ok(Status::NotApplied),
    }
}

#[timeout("2s")]
async fn cancel(
    partner: &Partner,
    order: i64,
    _won: u64,
    original: &OriginalKey,
    _key: &IdempotencyKey,
    _receipt: Option<u64>,
) -> Result<(), PartnerError> {
    partner.ask("cancel", order, original).await.map(drop)
}

macro_rules! operations {
    ($($name:ident($($arguments:tt)*);)*) => {
        $(
            #[durable(
                db = [Sqlite, Postgres], per = order, applied = paid, undone = failed, base = "2ms", max = "10ms",
                $($arguments)*
            )]
            pub async fn $name(
                partner: &Partner,
                order: i64,
                won: u64,
                key: &IdempotencyKey,
            ) -> Result<u64, PartnerError> {
                charge(partner, order, won, key).await
            }
        )*
    };
}
operations! {
    // Far more than LATE, and attempts that a busy machine does not spend by losing leases.
    deduplicated(
        op = "deduplicated", compensate = cancel, in_doubt = repeat, conclusive = [402], settle = "400ms", attempts = 200
    );
    verified(op = "verified", compensate = cancel, verify = status, settle = "400ms", attempts = 1_000);
    neither(op = "neither");
}
