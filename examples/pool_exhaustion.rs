//! One slow partner, called inside the transaction and outside of it: what it does to a service with five connections.
//!
//! Forty requests at once each write an order and charge a partner that takes 500 ms. Beside them a statement that has
//! nothing to do with the partner counts a visit again and again. What runs out is the connections on PostgreSQL, and the
//! turn to write on SQLite, where one transaction at a time can. `cargo run --example pool_exhaustion` runs on an SQLite
//! file of its own; `-- --database postgres://..` on PostgreSQL.

use resil::{Backend, Db, GuardMode, HeldBy, Tx, outside_transaction, registry, timeout};
use sqlx::pool::PoolOptions;
use sqlx::{Postgres, Sqlite};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

type Error = Box<dyn std::error::Error + Send + Sync>;

const CONNECTIONS: u32 = 5;
const REQUESTS: i64 = 40;
/// How long the partner takes.
const PARTNER: Duration = Duration::from_millis(500);
/// Whoever waits longer for a connection, or a turn, is told that the service is overloaded.
const PATIENCE: Duration = Duration::from_secs(1);

#[outside_transaction]
#[timeout("3s")]
async fn charge(partner: SocketAddr) -> Result<(), Error> {
    let connection = TcpStream::connect(partner).await?;
    connection.readable().await?;
    Ok(())
}

/// As it is often written: the order and its charge belong together, so both are put into the transaction.
async fn wrong<DB: Orders>(db: &Db<DB>, partner: SocketAddr, order: i64) -> Result<(), Error> {
    db.transaction(async |tx| {
        DB::insert(tx, order).await?;
        charge_it(partner).await
    })
    .await
}

/// In a helper, where the compiler does not see that it runs inside a transaction.
async fn charge_it(partner: SocketAddr) -> Result<(), Error> {
    charge(partner).await
}

/// The call before, the transaction for the database alone.
async fn right<DB: Orders>(db: &Db<DB>, partner: SocketAddr, order: i64) -> Result<(), Error> {
    charge_it(partner).await?;
    db.transaction(async |tx| Ok(DB::insert(tx, order).await?)).await
}

/// The statements of the service.
trait Orders: Backend {
    async fn create(db: &Db<Self>) -> Result<(), Error>;
    fn insert(tx: &mut Tx<Self>, order: i64) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
    fn visit(db: &Db<Self>) -> impl Future<Output = Result<(), Error>> + Send;
}

macro_rules! orders {
    ($database:ty) => {
        impl Orders for $database {
            async fn create(db: &Db<Self>) -> Result<(), Error> {
                sqlx::query("DROP TABLE IF EXISTS resil_example_orders").execute(db.pool()?).await?;
                sqlx::query("CREATE TABLE resil_example_orders (id BIGINT)").execute(db.pool()?).await?;
                sqlx::query("DROP TABLE IF EXISTS resil_example_visits").execute(db.pool()?).await?;
                sqlx::query("CREATE TABLE resil_example_visits (number BIGINT)").execute(db.pool()?).await?;
                sqlx::query("INSERT INTO resil_example_visits VALUES (0)").execute(db.pool()?).await?;
                Ok(())
            }

            async fn insert(tx: &mut Tx<Self>, order: i64) -> Result<(), sqlx::Error> {
                let insert = sqlx::query("INSERT INTO resil_example_orders VALUES ($1)");
                insert.bind(order).execute(&mut *tx).await.map(drop)
            }

            async fn visit(db: &Db<Self>) -> Result<(), Error> {
                db.transaction(async |tx| {
                    let count = sqlx::query("UPDATE resil_example_visits SET number = number + 1");
                    Ok(count.execute(&mut *tx).await.map(drop)?)
                })
                .await
            }
        }
    };
}
orders!(Sqlite);
orders!(Postgres);

/// What the callers saw.
#[derive(Default)]
struct Seen {
    answered: usize,
    refused: usize,
    failed: usize,
    /// Of the statement beside them.
    others_answered: usize,
    others_failed: usize,
    longest: Duration,
    held: Option<HeldBy>,
    why: Option<String>,
}

async fn storm<DB: Orders, F>(db: &Db<DB>, partner: SocketAddr, request: impl Fn(Db<DB>, SocketAddr, i64) -> F) -> Seen
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let mut seen = Seen::default();
    let mut requests = tokio::task::JoinSet::new();
    for order in 0..REQUESTS {
        requests.spawn(request(db.clone(), partner, order));
    }
    let mut beside = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            ended = requests.join_next() => match ended {
                None => break,
                Some(Ok(Ok(()))) => seen.answered += 1,
                Some(Ok(Err(error))) => {
                    match error.downcast_ref::<resil::Error>() {
                        Some(resil::Error::InsideTransaction { .. }) => seen.refused += 1,
                        _ => seen.failed += 1,
                    }
                    seen.why.get_or_insert_with(|| error.to_string());
                }
                Some(Err(_)) => seen.failed += 1,
            },
            _ = beside.tick() => {
                let begun = Instant::now();
                match DB::visit(db).await {
                    Ok(()) => seen.others_answered += 1,
                    Err(_) => seen.others_failed += 1,
                }
                seen.longest = seen.longest.max(begun.elapsed());
            }
        }
    }
    seen.held = db.held().first().copied();
    seen
}

/// A partner that answers after its time, however many ask.
async fn partner() -> Result<SocketAddr, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((caller, _)) = listener.accept().await {
            tokio::spawn(async move {
                tokio::time::sleep(PARTNER).await;
                _ = caller.try_write(b"charged");
            });
        }
    });
    Ok(address)
}

async fn play<DB: Orders>(db: Db<DB>) -> Result<(), Error> {
    let partner = partner().await?;
    DB::create(&db).await?;
    let fresh = || async { Ok::<_, Error>(Db::new(db.pool()?.clone())) };
    let db = fresh().await?;

    registry().guard_transactions(GuardMode::Count);
    let inside = storm(&db, partner, |db, partner, order| async move { wrong(&db, partner, order).await }).await;
    registry().guard_transactions(GuardMode::Deny);
    let db = fresh().await?;
    let denied = storm(&db, partner, |db, partner, order| async move { wrong(&db, partner, order).await }).await;
    let db = fresh().await?;
    let outside = storm(&db, partner, |db, partner, order| async move { right(&db, partner, order).await }).await;
    report(&[("inside, guard off", &inside), ("inside, guard on", &denied), ("outside", &outside)]);
    Ok(())
}

fn report(columns: &[(&str, &Seen)]) {
    let row = |name: &str, value: &dyn Fn(&Seen) -> String| {
        print!("{name:34}");
        for (_, seen) in columns {
            print!("{:>20}", value(seen));
        }
        println!();
    };
    print!("{:34}", format!("{REQUESTS} requests, the partner called"));
    for (title, _) in columns {
        print!("{title:>20}");
    }
    println!();
    row("requests answered", &|seen| seen.answered.to_string());
    row("requests that waited in vain", &|seen| seen.failed.to_string());
    row("requests refused before sending", &|seen| seen.refused.to_string());
    row("visits counted", &|seen| seen.others_answered.to_string());
    row("visits that waited in vain", &|seen| seen.others_failed.to_string());
    row("its longest wait", &|seen| format!("{:.0?}", seen.longest));
    row("longest hold of a connection", &|seen| seen.held.map_or_else(String::new, |by| format!("{:.0?}", by.longest)));
    for (title, seen) in columns {
        if let Some(why) = &seen.why {
            println!("\n{title}, the first failure:\n  {why}");
        }
    }
}

fn options<DB: sqlx::Database>() -> PoolOptions<DB> {
    PoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    resil::check()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => {
            let folder = tempfile::tempdir()?;
            let file = sqlx::sqlite::SqliteConnectOptions::new()
                .filename(folder.path().join("orders.db"))
                .create_if_missing(true)
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .busy_timeout(PATIENCE);
            play(Db::new(options::<Sqlite>().connect_with(file).await?)).await
        }
        [flag, url] if flag == "--database" => {
            let db = Db::new(options::<Postgres>().connect(url).await?);
            play(db.clone()).await?;
            sqlx::query("DROP TABLE resil_example_orders").execute(db.pool()?).await?;
            sqlx::query("DROP TABLE resil_example_visits").execute(db.pool()?).await?;
            Ok(())
        }
        _ => Err("usage: pool_exhaustion [--database postgres://user@host/database]".into()),
    }
}
