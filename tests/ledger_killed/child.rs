//! The process that dies: it records an order and pays it, or finishes what another one has begun.

use crate::books::{Books, Partner, REFUSED_HERE, TRIPS_HERE, deduplicated, neither, verified};
use crate::killed;
use crate::spec::{Body, Database, Death, LEASE, Local, Skill};
use resil::Db;
use resil::ledger::{Intent, Ledger, Operation, State};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::io::Write as _;
use std::str::FromStr as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// `role database address partner skill local body death place order`
pub const ORDERS: &str = "RESIL_TEST_LEDGER_CHILD";
/// The port of a way to PostgreSQL that can be cut.
pub const PROXY: &str = "RESIL_TEST_LEDGER_PROXY";

static DIES_AT: OnceLock<(Death, u32)> = OnceLock::new();
static PLACES: AtomicU32 = AtomicU32::new(0);

/// A place between two things that last.
pub fn place(name: &str) {
    let number = PLACES.fetch_add(1, Ordering::Relaxed);
    let Some((death, at)) = DIES_AT.get() else { return };
    if number != *at {
        return;
    }
    println!("at {name}");
    std::io::stdout().flush().expect("a pipe");
    match death {
        Death::Abort => std::process::abort(),
        // Whoever reads this ends us.
        Death::Kill => loop {
            std::thread::park();
        },
        Death::Gone => _ = std::io::stdin().read_line(&mut String::new()),
    }
}

pub fn run(orders: &str) {
    let words: Vec<_> = orders.split(' ').collect();
    let [role, database, address, partner, skill, local, body, death, at, order] = words[..] else {
        panic!("{orders}")
    };
    if let Ok(at) = at.parse() {
        _ = DIES_AT.set((Death::of(death), at));
    }
    resil::testing::at_each_point(|when, state| place(&format!("{when} {state}")));
    if Local::of(local) == Local::CommitLost && role != "again" {
        resil::testing::lose_commits(1);
    }
    let won = match Local::of(local) {
        Local::Refuses => REFUSED_HERE,
        Local::Trips => TRIPS_HERE,
        Local::Ok | Local::CommitLost => 500,
    };
    let task = Task {
        pays: role == "first",
        pays_many: role == "many",
        partner: Partner { address: partner.parse().expect("an address"), body: Body::of(body) },
        skill: Skill::of(skill),
        order: order.parse().expect("a number"),
        won,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        match Database::of(database) {
            Database::Sqlite => task.run(killed::sqlite(address).await).await,
            Database::Postgres => task.run(postgres(address).await).await,
        }
    });
    println!("end");
}

/// Where PostgreSQL is; anywhere if none is there.
pub async fn postgres_address() -> std::net::SocketAddr {
    let Ok(url) = std::env::var("RESIL_TEST_POSTGRES_URL") else {
        return std::net::SocketAddr::from(([127, 0, 0, 1], 5432));
    };
    let options = PgConnectOptions::from_str(&url).unwrap();
    tokio::net::lookup_host((options.get_host(), options.get_port())).await.unwrap().next().unwrap()
}

pub async fn postgres(schema: &str) -> Db<sqlx::Postgres> {
    let options = killed::postgres_options(schema);
    // Through the play's own way to the database, if it has one.
    let options = match std::env::var(PROXY) {
        Ok(port) => options.host("127.0.0.1").port(port.parse().unwrap()).ssl_mode(PgSslMode::Disable),
        Err(_) => options,
    };
    killed::postgres_with(options).await
}

struct Task {
    pays: bool,
    pays_many: bool,
    partner: Partner,
    skill: Skill,
    order: i64,
    won: u64,
}

impl Task {
    async fn run<DB: Books>(&self, db: Db<DB>)
    where
        deduplicated: Operation<DB, Arguments = (i64, u64)>,
        verified: Operation<DB, Arguments = (i64, u64)>,
        neither: Operation<DB, Arguments = (i64, u64)>,
    {
        let ledger = Ledger::on(db.clone()).operation::<deduplicated>().operation::<verified>().operation::<neither>();
        let ledger = ledger.provide(std::sync::Arc::new(self.partner)).lease(LEASE).open().await.unwrap();
        if self.pays {
            match self.skill {
                Skill::Deduplicates => self.pay::<_, deduplicated>(&db, &ledger).await,
                Skill::Status => self.pay::<_, verified>(&db, &ledger).await,
                Skill::Neither => self.pay::<_, neither>(&db, &ledger).await,
            }
        }
        if self.pays_many {
            let recorded = db.transaction(async |tx| {
                for order in 0..crate::many::ORDERS {
                    DB::insert(tx, order).await?;
                    let subject = Some(order.to_string());
                    resil::ledger::record::<_, deduplicated>(tx, subject, &(order, self.won)).await?;
                }
                place("before commit RECORDED");
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            });
            recorded.await.unwrap();
            place("after commit RECORDED");
            DB::end_grace(&db).await;
        }
        let mut events = resil::registry().subscribe();
        let rested = async {
            let is_open = |state: Option<State>| state.is_none_or(|state| !state.is_final() && state != State::Manual);
            // Who cannot be asked may have something open.
            while ledger.count().await.map_or(true, |all| all.iter().any(|(.., state, _)| is_open(*state))) {
                // Another process may finish it, of which nobody tells.
                _ = tokio::time::timeout(Duration::from_millis(20), events.next()).await;
            }
        };
        ledger.reconciler().poll(Duration::from_millis(4)).run(rested).await;
    }

    async fn pay<DB: Books, O: Operation<DB, Arguments = (i64, u64)>>(&self, db: &Db<DB>, ledger: &Ledger<DB>) {
        let recorded: Result<Intent<O>, Box<dyn std::error::Error + Send + Sync>> = db
            .transaction(async |tx| {
                DB::insert(tx, self.order).await?;
                let subject = Some(self.order.to_string());
                let intent = resil::ledger::record(tx, subject, &(self.order, self.won)).await?;
                place("before commit RECORDED");
                Ok(intent)
            })
            .await;
        place("after commit RECORDED");
        // Without an answer from the database there may be an intent all the same: a reconciler finds it.
        if let Ok(intent) = recorded {
            _ = ledger.drive(&intent).await;
        }
        println!("driven");
    }
}
