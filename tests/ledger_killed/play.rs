//! Plays one spec at every place it passes, several at a time.

use crate::books::{Books, Intent};
use crate::oracle::violations;
use crate::partner::{Look, Server};
use crate::spec::{Database, Death, Spec};
use crate::{child, cut, killed};
use resil::Db;
use sqlx::{AssertSqlSafe, Executor as _, Postgres, Sqlite};
use std::collections::VecDeque;
use std::fmt;
use std::process::Stdio;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

/// How many processes live at a time.
const SLOTS: usize = 20;
static ORDERS: AtomicI64 = AtomicI64::new(1);

#[derive(Debug, Default)]
pub struct Played {
    pub plays: u64,
    pub deaths: u64,
    pub violations: u64,
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plays, deaths, violations } = self;
        write!(f, "{plays} plays, {deaths} processes ended, {violations} violations")
    }
}

#[derive(Default)]
struct Counts {
    plays: AtomicU64,
    deaths: AtomicU64,
    violations: AtomicU64,
}

/// What is left to be played. A play that found a place to die at adds the next place.
struct Stage {
    left: Mutex<VecDeque<Spec>>,
    /// Chosen plays add nothing.
    is_chosen: bool,
    counts: Counts,
    server: Server,
}

/// More than any play passes; what lies beyond the end of a play is played to its end.
const PLACES: u32 = 26;

/// Which of all plays are played.
#[derive(Clone, Copy)]
pub enum Plays {
    /// So many, chosen by a seed.
    Chosen { number: usize, seed: u64 },
    /// At every place and every second place: one of so many equal parts.
    Whole { part: usize, of: usize },
}

pub async fn all(databases: &[Database], plays: Plays) -> Played {
    let left = match plays {
        Plays::Whole { part, of } => {
            let specs = Spec::whole(databases).into_iter().skip(part - 1).step_by(of);
            specs.map(|spec| Spec { first: Some(0), ..spec }).collect()
        }
        Plays::Chosen { number, seed } => {
            let specs = Spec::all(databases);
            let mut rng = fastrand::Rng::with_seed(seed);
            println!("seed {seed}");
            let mut choose = || {
                let spec = specs[rng.usize(..specs.len())];
                let second = rng.bool().then(|| rng.u32(..PLACES / 2));
                Spec { first: Some(rng.u32(..PLACES)), second, ..spec }
            };
            (0..number).map(|_| choose()).collect()
        }
    };
    let is_chosen = matches!(plays, Plays::Chosen { .. });
    let server = Server::start().await;
    let stage = Arc::new(Stage { left: Mutex::new(left), is_chosen, counts: Counts::default(), server });
    let slots: Vec<_> = (0..SLOTS).map(|number| tokio::spawn(slot(number, Arc::clone(&stage)))).collect();
    for slot in slots {
        slot.await.unwrap();
    }
    let number = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let Counts { plays, deaths, violations } = &stage.counts;
    Played { plays: number(plays), deaths: number(deaths), violations: number(violations) }
}

pub async fn one(spec: Spec) -> Played {
    let left = Mutex::new(VecDeque::from([spec]));
    let server = Server::start().await;
    let stage = Arc::new(Stage { left, is_chosen: true, counts: Counts::default(), server });
    slot(0, Arc::clone(&stage)).await;
    let violations = stage.counts.violations.load(Ordering::Relaxed);
    Played { plays: 1, deaths: stage.counts.deaths.load(Ordering::Relaxed), violations }
}

/// Plays with databases of its own until nothing is left.
async fn slot(number: usize, stage: Arc<Stage>) {
    let folder = killed::in_memory();
    let file = folder.path().join("killed.db").display().to_string();
    let sqlite = killed::sqlite(&file).await;
    Sqlite::create(&sqlite).await;
    let schema = format!("resil_killed_{}_{number}", std::process::id());
    let mut postgres = None;
    let database = child::postgres_address().await;
    let way = cut::Way::to(database).await;
    loop {
        let Some(spec) = stage.left.lock().unwrap().pop_front() else { break };
        match spec.database {
            Database::Sqlite => stage.play(spec, &sqlite, &file, &way).await,
            Database::Postgres => {
                if postgres.is_none() {
                    postgres = Some(own_schema(&schema).await);
                }
                stage.play(spec, postgres.as_ref().unwrap(), &schema, &way).await;
            }
        }
    }
    if let Some(postgres) = postgres {
        let drop = AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"));
        postgres.pool().unwrap().execute(drop).await.unwrap();
    }
}

pub async fn own_schema(schema: &str) -> Db<Postgres> {
    let db = child::postgres(schema).await;
    db.pool().unwrap().execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.unwrap();
    Postgres::create(&db).await;
    db
}

impl Stage {
    async fn play<DB: Books>(&self, spec: Spec, db: &Db<DB>, address: &str, way: &cut::Way) {
        DB::clear(db).await;
        let order = ORDERS.fetch_add(1, Ordering::Relaxed);
        let asks = db.clone();
        let look: Look = Arc::new(move |_order| {
            let asks = asks.clone();
            Box::pin(async move { DB::intent(&asks).await })
        });
        self.server.expect(order, spec, look);
        let mut died = [false; 2];
        died[0] = self.live("first", spec, spec.first, order, (db, address, way)).await;
        if died[0] {
            DB::end_grace(db).await;
            died[1] = self.live("again", spec, spec.second, order, (db, address, way)).await;
        }
        if died[1] {
            self.live("again", spec, None, order, (db, address, way)).await;
        }
        let account = self.server.account(order).await;
        let intent = DB::intent(db).await;
        let found =
            violations(&spec, intent.as_ref().map(|intent| &*intent.state), DB::order(db, order).await, &account);
        if !found.is_empty() {
            let books = DB::order(db, order).await;
            let intent = intent.map(|Intent { state, why, .. }| format!("{state}: {why}"));
            println!("VIOLATED: {}\n  {intent:?}, our books {books:?}, the partner's {account:?}", found.join("; "));
            println!("  cargo test --test ledger_killed -- --play \"{spec}\"");
            self.counts.violations.fetch_add(1, Ordering::Relaxed);
        }
        let played = self.counts.plays.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.is_chosen && played.is_multiple_of(1000) {
            println!("{played} plays, {} to go at least", self.left.lock().unwrap().len());
        }
        self.goes_on(spec, died);
    }

    /// The next places of the same play.
    fn goes_on(&self, spec: Spec, died: [bool; 2]) {
        if self.is_chosen {
            return;
        }
        let mut left = self.left.lock().unwrap();
        match (spec.second, died) {
            // It passed this place: the next one, and the same one with a successor that dies as well.
            (None, [true, _]) => {
                left.push_back(Spec { first: spec.first.map(|place| place + 1), ..spec });
                left.push_back(Spec { second: Some(0), ..spec });
            }
            (Some(place), [true, true]) => left.push_back(Spec { second: Some(place + 1), ..spec }),
            _ => {}
        }
    }

    /// Lives one process to its end; whether it was ended.
    async fn live<DB: Books>(
        &self,
        role: &str,
        spec: Spec,
        at: Option<u32>,
        order: i64,
        (db, address, way): (&Db<DB>, &str, &cut::Way),
    ) -> bool {
        let at = at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let words = [
            role,
            spec.database.word(),
            address,
            &self.server.address.to_string(),
            spec.skill.word(),
            spec.local.word(),
            spec.body.word(),
            spec.death.word(),
            &at,
            &order.to_string(),
        ];
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(child::ORDERS, words.join(" ")).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        if spec.death == Death::Gone {
            command.env(child::PROXY, way.port.to_string());
        }
        let mut process = command.stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut last = String::new();
        let mut was_gone = false;
        while let Some(line) = lines.next_line().await.unwrap() {
            last = line;
            match spec.death {
                Death::Kill if last.starts_with("at ") => process.kill().await.unwrap(),
                Death::Gone if last.starts_with("at ") => {
                    was_gone = true;
                    way.cut();
                    process.stdin.as_mut().unwrap().write_all(b"go on\n").await.unwrap();
                    // Longer than a worker waits before it tries again.
                    tokio::time::sleep(Duration::from_millis(700)).await;
                    way.mend();
                    DB::end_grace(db).await;
                }
                _ => {}
            }
        }
        let ended = process.wait().await.unwrap();
        match &*last {
            "end" if was_gone => {
                self.counts.deaths.fetch_add(1, Ordering::Relaxed);
                true
            }
            "end" => false,
            line if line.starts_with("at ") => {
                self.counts.deaths.fetch_add(1, Ordering::Relaxed);
                true
            }
            other => panic!("{spec}: {role} ended with {ended} after {other:?}"),
        }
    }
}
