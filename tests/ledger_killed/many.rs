//! A process that pays many orders at once, whose moves and books are written together, and that dies at some of the places it
//! passes. The oracle is the same: each order is paid once, in both books.

use crate::books::Books;
use crate::play::own_schema;
use crate::spec::{Body, Database, Death, Local, Skill};
use crate::{child, killed};
use resil::Db;
use sqlx::{AssertSqlSafe, Executor as _, Sqlite};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

/// How many orders are paid at once.
pub const ORDERS: i64 = 8;

/// The orders that were charged under each key.
type Charged = Arc<Mutex<HashMap<String, i64>>>;

/// Recognises a key, and answers a repeat as it answered the first.
async fn partner() -> (SocketAddr, Charged) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let charged = Charged::default();
    let writes = Arc::clone(&charged);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let writes = Arc::clone(&writes);
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                _ = stream.read_line(&mut line).await;
                let words: Vec<_> = line.split_whitespace().collect();
                if let ["call", order, key, won, _stamp] = words[..] {
                    writes.lock().unwrap().insert(key.to_owned(), order.parse().unwrap());
                    _ = stream.get_mut().write_all(format!("ok {won}\n").as_bytes()).await;
                }
            });
        }
    });
    (address, charged)
}

/// Whether the process has died, at this place if there is one.
async fn live(
    role: &str,
    database: Database,
    address: &str,
    partner: SocketAddr,
    local: Local,
    at: Option<u32>,
) -> bool {
    let at = at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let (partner, skill) = (partner.to_string(), Skill::Deduplicates.word());
    let (local, body, death) = (local.word(), Body::Same.word(), Death::Abort.word());
    let words = [role, database.word(), address, &partner, skill, local, body, death, &at, "0"].join(" ");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(child::ORDERS, words).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let process = command.spawn().unwrap().wait_with_output().await.unwrap();
    let said = String::from_utf8(process.stdout).unwrap();
    let last = said.lines().last().unwrap_or_default();
    assert!(last == "end" || last.starts_with("at "), "{role} ended with {} after {said:?}", process.status);
    last != "end"
}

/// Dies at each of so many places; answers how often an order was not paid once.
async fn play<DB: Books>(database: Database, db: &Db<DB>, address: &str, places: impl Iterator<Item = u32>) -> u64 {
    let (mut violations, mut deaths, mut plays) = (0, 0, 0);
    for at in places {
        let local = if at % 3 == 0 { Local::CommitLost } else { Local::Ok };
        DB::clear(db).await;
        let (partner, charged) = partner().await;
        plays += 1;
        if live("many", database, address, partner, local, Some(at)).await {
            deaths += 1;
            DB::end_grace(db).await;
            live("again", database, address, partner, Local::Ok, None).await;
        }
        let mut charged: Vec<_> = charged.lock().unwrap().values().copied().collect();
        charged.sort_unstable();
        let mut books = Vec::new();
        for order in 0..ORDERS {
            books.extend(DB::order(db, order).await);
        }
        let is_paid = books.iter().all(|(state, changes)| (&**state, *changes) == ("paid", 1));
        // Before they are recorded there are none.
        let is_recorded = i64::try_from(books.len()).unwrap() == ORDERS;
        let is_whole = charged == (0..ORDERS).collect::<Vec<_>>() && DB::applied(db).await == ORDERS;
        let is_nothing = books.is_empty() && charged.is_empty();
        let is_all = is_recorded && is_paid && is_whole;
        if !is_nothing && !is_all {
            println!("VIOLATED: many at place {at}: our books {books:?}, the partner's {charged:?}");
            violations += 1;
        }
    }
    println!("{ORDERS} orders at once on {}: {plays} plays, {deaths} processes ended", database.word());
    violations
}

/// More than it passes.
const PLACES: u32 = 80;

/// Plays at one of so many places each, and answers how many violations there were.
pub async fn run(databases: &[Database], each: usize) -> u64 {
    let mut violations = 0;
    let places = || (0..PLACES).step_by(each);
    for database in databases {
        violations += match database {
            Database::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let file = folder.path().join("many.db").display().to_string();
                let db = killed::sqlite(&file).await;
                Sqlite::create(&db).await;
                play(*database, &db, &file, places()).await
            }
            Database::Postgres => {
                let schema = format!("resil_many_{}", std::process::id());
                let db = own_schema(&schema).await;
                let violations = play(*database, &db, &schema, places()).await;
                let drop = AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"));
                db.pool().unwrap().execute(drop).await.unwrap();
                violations
            }
        };
    }
    violations
}
