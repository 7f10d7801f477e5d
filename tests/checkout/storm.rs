//! The shop is killed at random moments while customers order from it and its partner misbehaves.

use crate::books::Books;
use crate::customers::{self, Shops, Told};
use crate::neighbour::Neighbour;
use crate::partner::mood::{Change, Mood, Of};
use crate::process::Process;
use crate::scenarios::stage::{unique, wait_until};
use crate::shop::Shop;
use crate::shop::bank::Bank;
use crate::shop::nats::Stream;
use crate::{Failed, database, oracle};
use resil::Db;
use resil::outbox::Outbox;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

const CUSTOMERS: u64 = 4;

/// Comparisons would mend what the rest gets wrong.
pub const NEVER: &str = "0";

#[derive(Debug, Clone, Copy)]
pub struct Storm {
    pub kills: usize,
    pub seed: u64,
}

/// What a shop is started with, besides its partner.
type Reach<'a> = Vec<&'a str>;

impl Storm {
    pub async fn on_sqlite(self) -> Result<bool, Failed> {
        let folder = folder()?;
        let file = folder.path().join("shop.db").display().to_string();
        let db = database::sqlite(Path::new(&file)).await?;
        self.rages("the storm on SQLite", 1, &db, vec!["--database", &file, "--compare", NEVER]).await
    }

    /// Two processes share the database, and NATS if there is one. They compare both books so often.
    pub async fn on_postgres(self, url: &str, nats: Option<&str>, compare: &str) -> Result<bool, Failed> {
        let name = unique("checkout");
        let db = database::own_schema(url, &name).await?;
        let mut reach = vec!["--database", url, "--schema", &name, "--compare", compare];
        if let Some(nats) = nats {
            reach.extend(["--nats", nats, "--stream", &name]);
        }
        let title = if compare == NEVER { "the storm on PostgreSQL" } else { "the storm on PostgreSQL, compared" };
        let is_well = self.rages(title, 2, &db, reach).await;
        if let Some(nats) = nats {
            Stream::open(nats, &name).await?.delete().await?;
        }
        database::drop_schema(&db, &name).await?;
        is_well
    }

    /// Two processes reach the database, of its own for once, by `PgBouncer`.
    pub async fn behind_pooler(self, direct: &str, pooler: &str) -> Result<bool, Failed> {
        let name = unique("checkout");
        let of = |url: &str| url.rsplit_once('/').map_or_else(String::new, |(server, _)| format!("{server}/{name}"));
        let server = database::postgres(direct, None).await?;
        database::execute(&server, format!("CREATE DATABASE {name}")).await?;
        let db = database::postgres(&of(direct), None).await?;
        let reach = of(pooler);
        let reach = vec!["--database", &reach, "--pooled", "--compare", NEVER];
        let is_well = self.rages("the storm behind PgBouncer", 2, &db, reach).await;
        database::execute(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        is_well
    }

    async fn rages<DB: Books>(self, name: &str, shops: usize, db: &Db<DB>, reach: Reach<'_>) -> Result<bool, Failed> {
        let folder = folder()?;
        let book = folder.path().join("partner.db").display().to_string();
        let seed = self.seed.to_string();
        let local = "127.0.0.1:0";
        let partner = Process::start(&["--partner", "--listen", local, "--book", &book, "--seed", &seed]).await?;
        let url = partner.url();
        mood(&url, Mood::Any).await?;
        DB::create(db).await?;
        DB::stock_up(db, "tea", 1_000_000).await?;
        DB::stock_up(db, "teapot", 7).await?;

        let shop: Vec<&str> = ["--serve", "--listen", local, "--partner-at", &url].into_iter().chain(reach).collect();
        let neighbour = Neighbour::moves_in(db, self.seed);
        let told = self.kills(shops, &shop).await?;
        neighbour.falls_silent();
        mood(&url, Mood::Ok).await?;
        let shop = Shop::open(db.clone(), Bank::at(&url)?).await?;
        let found = told.found;
        // What is fresh is left alone for 10 s, for a driver which is gone.
        DB::execute(db, "UPDATE resil_intents SET due = 0 WHERE epoch = 0").await?;
        let calm = calms(&shop).await;
        let mut violations = oracle::violations(&shop, &found).await?;
        violations.extend(calm.err().map(|never| never.to_string()));
        violations.extend(neighbour.violations().await?);
        drop(told.shops);
        let (placed, kills, doubts) = (found.placed.len(), self.kills, oracle::doubts(&shop).await?);
        let how = if violations.is_empty() { "ok" } else { "FAILED" };
        println!("{name}: {kills} kills, {placed} orders, {doubts} payments were in doubt ... {how}");
        for violation in &violations {
            println!("  VIOLATED: {violation}");
        }
        Ok(violations.is_empty())
    }

    /// Kills one of the shops after the other, and starts it again at once.
    async fn kills(self, number: usize, shop: &[&str]) -> Result<Survivors, Failed> {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let mut shops = Vec::new();
        for _ in 0..number {
            shops.push(Process::start(shop).await?);
        }
        let addresses: Shops = Arc::new(Mutex::new(shops.iter().map(|shop| shop.address).collect()));
        let (end, ended) = watch::channel(false);
        let customers: Vec<_> = (0..CUSTOMERS)
            .map(|_| tokio::spawn(customers::orders(Arc::clone(&addresses), rng.u64(..), ended.clone())))
            .collect();
        for _ in 0..self.kills {
            tokio::time::sleep(Duration::from_millis(rng.u64(20..500))).await;
            let victim = rng.usize(..number);
            shops[victim].kill().await?;
            if rng.u32(..5) == 0 {
                // This one dies while it starts.
                _ = timeout(Duration::from_millis(rng.u64(1..60)), Process::start(shop)).await;
            }
            shops[victim] = Process::start(shop).await?;
            addresses.lock().unwrap()[victim] = shops[victim].address;
        }
        end.send_replace(true);
        let mut found = Told::default();
        for customer in customers {
            let Told { placed, sold_out, contradictions } = customer.await?;
            found.placed.extend(placed);
            found.sold_out += sold_out;
            found.contradictions.extend(contradictions);
        }
        Ok(Survivors { shops, found })
    }
}

struct Survivors {
    shops: Vec<Process>,
    found: Told,
}

/// Waits until nothing is under way.
async fn calms<DB: Books>(shop: &Shop<DB>) -> Result<(), Failed> {
    let outbox = Outbox::on(shop.db.clone());
    wait_until("everything is final", async || {
        let open =
            shop.ledger.count().await?.into_iter().any(|(.., state, _)| state.is_none_or(|state| !state.is_final()));
        let (orders, deliveries) = (DB::orders(&shop.db).await?, DB::deliveries(&shop.db).await?);
        Ok(!open && outbox.backlog().await?.waiting == 0 && deliveries.len() >= orders.len())
    })
    .await
}

async fn mood(partner: &str, mood: Mood) -> Result<(), Failed> {
    let change = Change { of: Of::Payments, mood, times: None, then: Mood::Ok };
    let client = reqwest::Client::builder().no_proxy().build()?;
    client.post(format!("{partner}/mood")).json(&change).send().await?.error_for_status()?;
    Ok(())
}

/// Processes die here, and not the machine: a disk in memory keeps as much, and a hundred times faster.
fn folder() -> std::io::Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
}
