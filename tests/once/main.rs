//! What runs once for each request ID, however often it is asked, and whatever dies in between.

#![expect(clippy::unwrap_used, reason = "a test")]

mod duplicates;
mod only_postgres;
mod only_sqlite;
mod stored;
#[path = "../support/mod.rs"]
mod support;

use resil::{
    Backend, Classify, Db, Effect, Error, IdempotencyKey, Kind, Once, OnceProblem, RequestKey, Tx, retry, transactional,
};
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, Sqlite};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use support::lossy::{self, Lost};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// What SQL the tests need, on either database.
trait Orders: Backend {
    async fn create(db: &Db<Self>);
    fn add(tx: &mut Tx<Self>, item: &str) -> impl Future<Output = Result<i64, sqlx::Error>> + Send;
    async fn count(db: &Db<Self>) -> i64;
    async fn stored(db: &Db<Self>) -> i64;
    async fn forget_in_the_past(db: &Db<Self>);
    fn lets_time_pass(tx: &mut Tx<Self>) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
    /// So many rows whose time is over.
    async fn old_ones(db: &Db<Self>, number: u32);
    /// Where another process finds this database.
    async fn address(db: &Db<Self>) -> String;
    /// The same database as another process has it.
    async fn another(db: &Db<Self>) -> Db<Self>;
}

macro_rules! orders {
    ($database:ty, $address:expr, $pool:expr) => {
        impl Orders for $database {
            async fn create(db: &Db<Self>) {
                db.migrate().await.unwrap();
                sqlx::query("CREATE TABLE orders (item TEXT)").execute(db.pool().unwrap()).await.unwrap();
            }

            async fn add(tx: &mut Tx<Self>, item: &str) -> Result<i64, sqlx::Error> {
                sqlx::query("INSERT INTO orders VALUES ($1)").bind(item).execute(&mut *tx).await?;
                sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&mut *tx).await
            }

            async fn count(db: &Db<Self>) -> i64 {
                sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(db.pool().unwrap()).await.unwrap()
            }

            async fn stored(db: &Db<Self>) -> i64 {
                sqlx::query_scalar("SELECT count(*) FROM resil_once").fetch_one(db.pool().unwrap()).await.unwrap()
            }

            async fn forget_in_the_past(db: &Db<Self>) {
                sqlx::query("UPDATE resil_once SET expires = 1").execute(db.pool().unwrap()).await.unwrap();
            }

            async fn lets_time_pass(tx: &mut Tx<Self>) -> Result<(), sqlx::Error> {
                sqlx::query("UPDATE resil_once SET expires = 1").execute(&mut *tx).await.map(drop)
            }

            async fn old_ones(db: &Db<Self>, number: u32) {
                let insert = "
                    INSERT INTO resil_once (op, id, fingerprint, outcome, expires)
                    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $1)
                    SELECT 'old', CAST(n AS TEXT), '', '', 1 FROM n";
                let insert = sqlx::query(insert).bind(i32::try_from(number).unwrap());
                insert.execute(db.pool().unwrap()).await.unwrap();
            }

            async fn address(db: &Db<Self>) -> String {
                sqlx::query_scalar($address).fetch_one(db.pool().unwrap()).await.unwrap()
            }

            async fn another(db: &Db<Self>) -> Db<Self> {
                Db::new($pool(Self::address(db).await).await)
            }
        }
    };
}
orders!(Sqlite, "SELECT file FROM pragma_database_list", async |file: String| support::sqlite_pool(file.as_ref())
    .await);
orders!(Postgres, "SELECT current_schema()::text", async |schema: String| support::postgres_pool(&schema).await);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Receipt {
    number: i64,
    item: String,
    rate: f64,
}

/// A request ID of one client.
fn key(id: impl std::fmt::Display) -> IdempotencyKey {
    let key: RequestKey = id.to_string().parse().unwrap();
    key.of("alice")
}

struct Shop<DB: Backend> {
    db: Db<DB>,
    runs: AtomicU32,
}

impl<DB: Orders> Shop<DB> {
    async fn open(db: Db<DB>) -> Self {
        DB::create(&db).await;
        Self { db, runs: AtomicU32::new(0) }
    }

    #[retry(idempotent, base = "0ms")]
    #[transactional(tx = self.db, op = "order.place", once = key(request_id))]
    async fn place(&self, request_id: &str, item: &str, rate: f64) -> Result<Receipt, Failed> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let number = DB::add(tx, item).await?;
        match item {
            "refused" => Err("sold out".into()),
            _ => Ok(Receipt { number, item: item.to_owned(), rate }),
        }
    }

    fn runs(&self) -> u32 {
        self.runs.load(Ordering::Relaxed)
    }
}

fn problem(error: &Failed) -> &OnceProblem {
    match error.downcast_ref::<Error>() {
        Some(Error::Once(error)) => &error.problem,
        _ => panic!("{error:?}"),
    }
}

async fn a_repeat_is_answered_with_the_first_outcome_to_the_byte<DB: Orders>(db: Db<DB>) {
    let shop = Shop::open(db).await;
    let first = shop.place("r-1", "tea", 0.1 + 0.2).await.unwrap();
    let again = shop.place("r-1", "tea", 0.1 + 0.2).await.unwrap();
    assert_eq!(serde_json::to_vec(&first).unwrap(), serde_json::to_vec(&again).unwrap());
    assert_eq!((shop.runs(), DB::count(&shop.db).await), (1, 1));
    let other = shop.place("r-2", "tea", 0.1 + 0.2).await.unwrap();
    assert_eq!((other.number, shop.runs()), (2, 2));
}

async fn of_eight_at_once_one_runs<DB: Orders>(db: Db<DB>) {
    let shop = Arc::new(Shop::open(db).await);
    let all: Vec<_> = (0..8)
        .map(|_| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move { shop.place("r-1", "tea", 1.0).await.unwrap() })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap().number, 1);
    }
    assert_eq!((shop.runs(), DB::count(&shop.db).await), (1, 1));
}

async fn the_same_request_id_with_other_arguments_is_an_error<DB: Orders>(db: Db<DB>) {
    let shop = Shop::open(db).await;
    shop.place("r-1", "tea", 1.0).await.unwrap();
    for (item, rate) in [("coffee", 1.0), ("tea", 1.000_000_000_000_000_2)] {
        let error = shop.place("r-1", item, rate).await.unwrap_err();
        assert_eq!(problem(&error), &OnceProblem::OtherArguments);
        assert_eq!(error.verdict(), resil::Verdict::caller());
        assert_eq!(
            error.to_string(),
            "this request ID was used for `order.place` with other arguments: not run. Another request needs another ID"
        );
    }
    assert_eq!(shop.runs(), 1);
}

async fn what_failed_runs_afresh<DB: Orders>(db: Db<DB>) {
    let shop = Shop::open(db).await;
    for run in 1..=2 {
        assert_eq!(shop.place("r-1", "refused", 1.0).await.unwrap_err().to_string(), "sold out");
        assert_eq!((shop.runs(), DB::count(&shop.db).await, DB::stored(&shop.db).await), (run, 0, 0));
    }
    // A request that was rolled back has no arguments to compare with either.
    shop.place("r-1", "tea", 1.0).await.unwrap();
}

async fn whoever_asks_and_under_whatever_key_gets_an_answer_of_their_own<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let place = async |id: IdempotencyKey| {
        let once = Once::of("order.place", id);
        db.once(once, async |tx| Ok::<_, Failed>(DB::add(tx, "tea").await?)).await.unwrap()
    };
    let hostile = ["1", "'; DROP TABLE orders; --", "$1", "{now}", "주문-7", "\u{202e}", "1:1", &"x".repeat(255)];
    let mut orders = 0;
    for owner in hostile {
        for text in hostile {
            let key: RequestKey = text.parse().unwrap();
            orders += 1;
            assert_eq!((place(key.of(owner)).await, place(key.of(owner)).await), (orders, orders));
        }
    }
    let key: RequestKey = "1".parse().unwrap();
    assert_eq!(place(key.global("it is only a test")).await, orders + 1);
    assert_eq!(place(key.global("said otherwise")).await, orders + 1);
}

async fn an_outcome_that_no_longer_decodes_is_told_and_kept<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let once = || Once::of("order.place", key(7));
    let before = db.once(once(), async |_tx| Ok::<_, Failed>("a secret".to_owned())).await.unwrap();
    let error = db.once(once(), async |_tx| Ok::<u64, Failed>(7)).await.unwrap_err();
    let expected = "`order.place` has run for this request ID, and its stored outcome cannot be read any more, a value \
                    at line 1 column 10 is of another type or missing: not run again. Let the type accept what was \
                    stored, or give the operation another name";
    assert_eq!(error.to_string(), expected);
    assert_eq!((error.verdict().kind, error.verdict().effect), (Kind::Permanent, Effect::Unknown));
    let after = db.once(once(), async |_tx| Ok::<String, Failed>(String::new())).await.unwrap();
    assert_eq!(before, after, "nothing is lost");
}

async fn what_cannot_be_stored_and_read_again_is_rolled_back<DB: Orders>(db: Db<DB>) {
    #[derive(Debug, Serialize, Deserialize)]
    struct Odd(#[serde(deserialize_with = "odd")] u64);
    fn odd<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        String::deserialize(from).map(|_| 0)
    }
    DB::create(&db).await;
    let outcome = db
        .once(Once::of("order.place", key(7)), async |tx| {
            DB::add(tx, "tea").await?;
            Ok::<_, Failed>(Odd(5))
        })
        .await;
    let error = outcome.unwrap_err();
    assert!(matches!(problem(&error), OnceProblem::Unstorable(_)), "{error}");
    assert_eq!((DB::count(&db).await, DB::stored(&db).await), (0, 0));
}

async fn an_expired_entry_is_forgotten_and_swept<DB: Orders>(db: Db<DB>) {
    let shop = Shop::open(db).await;
    for number in 0..3 {
        shop.place(&format!("r-{number}"), "tea", 1.0).await.unwrap();
    }
    DB::forget_in_the_past(&shop.db).await;
    let afresh = shop.place("r-0", "coffee", 1.0).await.unwrap();
    assert_eq!((afresh.number, shop.runs()), (4, 4));
    for number in 0..64 {
        shop.place(&format!("later-{number}"), "tea", 1.0).await.unwrap();
    }
    assert_eq!(DB::stored(&shop.db).await, 65, "the other two expired ones are gone");
}

async fn without_its_tables_it_says_what_to_write<DB: Orders>(db: Db<DB>) {
    let error = db.once(Once::of("order.place", key(7)), async |_tx| Ok::<_, Failed>(7)).await.unwrap_err();
    let expected = "misconfigured, not called: the tables of resil are not in this database, or those of an older version: write \
                    `db.migrate().await?` at start";
    assert_eq!(error.to_string(), expected);
}

async fn eight_processes_may_migrate_at_once_and_again<DB: Orders>(db: Db<DB>) {
    let all: Vec<_> = (0..8)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.migrate().await })
        })
        .collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
    DB::create(&db).await;
}

async fn dropped_at_every_poll_nothing_stays_in_progress<DB: Orders>(db: Db<DB>) {
    let shop = Shop::open(db).await;
    for number in 0..500_u32 {
        let id = format!("r-{number}");
        _ = support::dropped_after(i64::from(number % 16), shop.place(&id, "tea", 1.0)).await;
        if number % 25 == 24 {
            shop.place(&id, "tea", 1.0).await.unwrap();
        }
    }
    // A commit under way goes on: whatever it left is whole.
    for number in 0..500 {
        shop.place(&format!("r-{number}"), "tea", 1.0).await.unwrap();
    }
    assert_eq!((DB::count(&shop.db).await, DB::stored(&shop.db).await), (500, 500));
}

async fn stop_half_way<DB: Orders>(db: Db<DB>) {
    let once = Once::of("order.place", key("r-1")).argument(&"tea");
    db.once(once, async |tx| {
        DB::add(tx, "tea").await?;
        println!("half way");
        std::future::pending::<Result<i64, Failed>>().await
    })
    .await
    .unwrap();
}

/// The process that is killed: it stands in the middle of its transaction, and says so.
#[tokio::test]
async fn child() {
    let Ok(address) = std::env::var("RESIL_TEST_ONCE_CHILD") else { return };
    if address.starts_with('/') {
        stop_half_way(Db::new(support::sqlite_pool(address.as_ref()).await)).await;
    } else {
        stop_half_way(Db::new(support::postgres_pool(&address).await)).await;
    }
}

fn half_way(address: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]).env("RESIL_TEST_ONCE_CHILD", address);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("half way")));
    child
}

async fn a_kill_half_way_leaves_nothing_in_progress<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let mut child = half_way(&DB::address(&db).await);
    assert_eq!(DB::count(&db).await, 0);
    child.kill().unwrap();
    child.wait().unwrap();
    let once = Once::of("order.place", key("r-1")).argument(&"tea");
    let number = db.once(once, async |tx| Ok::<_, Failed>(DB::add(tx, "tea").await?)).await.unwrap();
    assert_eq!((number, DB::count(&db).await, DB::stored(&db).await), (1, 1, 1));
}

on_both! {
    a_repeat_is_answered_with_the_first_outcome_to_the_byte,
    of_eight_at_once_one_runs,
    the_same_request_id_with_other_arguments_is_an_error,
    what_failed_runs_afresh,
    whoever_asks_and_under_whatever_key_gets_an_answer_of_their_own,
    an_outcome_that_no_longer_decodes_is_told_and_kept,
    what_cannot_be_stored_and_read_again_is_rolled_back,
    an_expired_entry_is_forgotten_and_swept,
    without_its_tables_it_says_what_to_write,
    eight_processes_may_migrate_at_once_and_again,
    dropped_at_every_poll_nothing_stays_in_progress,
    a_kill_half_way_leaves_nothing_in_progress,
}

/// Who has signed in, and the database: what `tx` names is left out only if it is exactly a parameter.
struct Session {
    db: Db<Sqlite>,
    user: String,
}

#[transactional(tx = session.db, op = "secret.of.a.parameter", once = key, fingerprint = &session.user)]
async fn of_a_parameter(session: &Session, key: &IdempotencyKey) -> Result<String, Failed> {
    let _ = tx;
    Ok(session.user.clone())
}

#[transactional(tx = db, op = "secret.of.a.user", once = key.of(user))]
async fn of_a_user(db: &Db<Sqlite>, user: &str, key: &RequestKey) -> Result<String, Failed> {
    let _ = (tx, key);
    Ok(user.to_owned())
}

#[tokio::test]
async fn nobody_is_answered_what_was_somebody_elses() {
    support::sqlite(async |db| {
        db.migrate().await.unwrap();
        let of = |user: &str| Session { db: db.clone(), user: user.to_owned() };
        let shared = IdempotencyKey::random();
        assert_eq!(of_a_parameter(&of("alice"), &shared).await.unwrap(), "alice");
        let error = of_a_parameter(&of("bob"), &shared).await.unwrap_err();
        assert_eq!(problem(&error), &OnceProblem::OtherArguments);
        let key = "r-1".parse().unwrap();
        for user in ["alice", "bob", "alice"] {
            assert_eq!(of_a_user(&db, user, &key).await.unwrap(), user, "a key is each user's own");
        }
    })
    .await;
}

#[test]
fn what_is_the_clients_is_not_printed() {
    let once = Once::of("order.place", key("hunter2")).argument(&"hunter2");
    assert!(!format!("{once:?}").contains("hunter2"), "{once:?}");
}

/// A second function that claims the operation of `Shop::place`.
#[transactional(tx = db, op = "order.place.twice", once = key(id), keep = "1h")]
async fn one_of_two(db: &Db<Sqlite>, id: u64) -> Result<u64, Failed> {
    let _ = tx;
    Ok(1)
}

#[transactional(tx = db, op = "order.place.twice", once = key(id), keep = "1h")]
async fn other_of_two(db: &Db<Sqlite>, id: u64) -> Result<u64, Failed> {
    let _ = tx;
    Ok(2)
}

#[tokio::test]
async fn two_functions_that_share_an_operation_are_refused() {
    support::sqlite(async |db| {
        db.migrate().await.unwrap();
        for outcome in [one_of_two(&db, 1).await, other_of_two(&db, 1).await] {
            let message = outcome.unwrap_err().to_string();
            assert!(message.contains("transactional `order.place.twice` has two settings, at "), "{message}");
        }
        assert!(resil::check().unwrap_err().to_string().contains("`order.place.twice`"));
    })
    .await;
}

#[test]
fn a_day_is_kept_unless_told() {
    let settings = |op| {
        let sites = resil::registry().call_sites();
        let mut policies = sites.iter().flat_map(|site| site.policies());
        policies.find(|policy| policy.name() == Some(op)).unwrap().to_string()
    };
    assert!(
        settings("order.place").contains("transactional `order.place`: once = in once::place (tests/once/main.rs:")
    );
    assert!(settings("order.place.twice").ends_with(&format!("keep = {:?}", Duration::from_hours(1))));
}
