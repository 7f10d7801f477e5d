//! What is played, and what must be so afterwards.

use crate::child::{ATTEMPTS, POISON};
use crate::killed;
use crate::life::{Account, Sql, lives};
use resil::outbox::Outbox;
use resil::{Db, Error, IdempotencyKey};
use sqlx::{AssertSqlSafe, Executor as _};

/// Plays everything, and answers how many plays went wrong.
pub async fn all() -> usize {
    let mut violations = 0;
    for death in ["abort", "kill"] {
        let folder = killed::in_memory();
        let file = folder.path().join("killed.db").display().to_string();
        violations += plays(&killed::sqlite(&file).await, &file, death).await;
        if std::env::var("RESIL_TEST_POSTGRES_URL").is_err() {
            println!("PostgreSQL ... ignored, needs RESIL_TEST_POSTGRES_URL");
            continue;
        }
        let schema = format!("resil_{}", IdempotencyKey::random().as_str().replace('-', ""));
        let db = killed::postgres(&schema).await;
        db.pool().unwrap().execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.unwrap();
        violations += plays(&db, &schema, death).await;
        db.pool().unwrap().execute(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).await.unwrap();
    }
    violations
}

async fn plays<DB: Sql>(db: &Db<DB>, address: &str, death: &str) -> usize {
    db.migrate().await.unwrap();
    let mut violations = 0;
    for name in ["poison in a lane", "poison beside others", "poison first in its lane"] {
        let found = match name {
            "poison in a lane" => in_a_lane(db, address, death).await,
            "poison beside others" => beside_others(db, address, death).await,
            _ => first_in_its_lane(db, address, death).await,
        };
        let how = if found.is_empty() { "ok" } else { "FAILED" };
        println!("{name}, {death} on {} ... {how}", DB::WORD);
        for violation in &found {
            println!("  VIOLATED: {violation}");
        }
        violations += usize::from(!found.is_empty());
        DB::run(db, "DELETE FROM resil_outbox").await;
    }
    violations
}

/// One transaction with all of them, in this order.
async fn record<DB: Sql>(db: &Db<DB>, key: Option<&str>, payloads: &[String]) {
    let recorded: Result<(), Error> = db
        .transaction(async |tx| {
            for payload in payloads {
                let recording = tx.outbox("numbers", payload);
                match key {
                    Some(key) => recording.ordered_by(key).await?,
                    None => recording.await?,
                };
            }
            Ok(())
        })
        .await;
    recorded.unwrap();
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// Found where something is not so.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn expect(&mut self, is_so: bool, what: impl Into<String>) {
        if !is_so {
            self.0.push(what.into());
        }
    }
}

async fn aside<DB: Sql>(db: &Db<DB>) -> Vec<(String, String)> {
    let aside = Outbox::on(db.clone()).set_aside(100).await.unwrap();
    aside.into_iter().map(|one| (one.message.payload, one.why)).collect()
}

const WHY: &str = "its process ended, or was silent for too long, 3 times while it was delivered";

async fn only_poison_is_set_aside<DB: Sql>(db: &Db<DB>, found: &mut Found) {
    let aside = aside(db).await;
    found.expect(aside == [(POISON.to_owned(), WHY.to_owned())], format!("set aside: {aside:?}"));
}

/// Nine before it, and two behind.
async fn in_a_lane<DB: Sql>(db: &Db<DB>, address: &str, death: &str) -> Vec<String> {
    let mut payloads = numbers(1..10);
    payloads.push("poison".to_owned());
    payloads.extend(numbers(11..13));
    record(db, Some("a"), &payloads).await;
    let account = lives(db, address, death, 0).await;
    let mut found = Found::default();
    // Nobody knows at which message of the lane the first process died. From then on it is one by one.
    let begun = account.begun(POISON);
    found.expect(begun == [1, 1, 2, 3], format!("poison was tried as {begun:?}"));
    for number in numbers(1..10) {
        let taken = account.taken(&quoted(&number));
        found.expect((1..=2).contains(&taken), format!("{number} was delivered {taken} times"));
    }
    found.expect(in_order(&account, 9), format!("not in order: {:?}", account.taken));
    only_poison_is_set_aside(db, &mut found).await;
    // What waits behind it goes on.
    let outbox = Outbox::on(db.clone());
    outbox.discard(outbox.set_aside(1).await.unwrap()[0].message.id).await.unwrap();
    let account = lives(db, address, death, 0).await;
    found.expect(account.taken == ["\"11\"", "\"12\""], format!("behind it: {:?}", account.taken));
    found.0
}

/// The first deliveries are in their order.
fn in_order(account: &Account, number: usize) -> bool {
    let mut first: Vec<u32> = Vec::new();
    for taken in account.taken.iter().filter_map(|taken| taken.trim_matches('"').parse().ok()) {
        if !first.contains(&taken) {
            first.push(taken);
        }
    }
    first.is_sorted() && first.len() == number
}

/// Messages without a key, sixteen of them under way when it dies.
async fn beside_others<DB: Sql>(db: &Db<DB>, address: &str, death: &str) -> Vec<String> {
    let mut payloads = numbers(1..11);
    payloads.push("poison".to_owned());
    payloads.extend(numbers(11..31));
    record(db, None, &payloads).await;
    let account = lives(db, address, death, 15).await;
    let mut found = Found::default();
    let begun = account.begun(POISON);
    found.expect(begun == (1..=ATTEMPTS).collect::<Vec<_>>(), format!("poison was tried as {begun:?}"));
    for number in numbers(1..31) {
        let (taken, begun) = (account.taken(&quoted(&number)), account.begun(&quoted(&number)));
        found.expect(taken == 1, format!("{number} was delivered {taken} times, begun as {begun:?}"));
    }
    only_poison_is_set_aside(db, &mut found).await;
    found.0
}

/// What waits behind it is not tried, and neither are others for its sake.
async fn first_in_its_lane<DB: Sql>(db: &Db<DB>, address: &str, death: &str) -> Vec<String> {
    let mut payloads = vec!["poison".to_owned()];
    payloads.extend(numbers(1..5));
    record(db, Some("a"), &payloads).await;
    record(db, Some("b"), &numbers(5..9)).await;
    let account = lives(db, address, death, 0).await;
    let mut found = Found::default();
    let begun = account.begun(POISON);
    found.expect(begun == (1..=ATTEMPTS).collect::<Vec<_>>(), format!("poison was tried as {begun:?}"));
    for number in numbers(1..5) {
        found.expect(account.begun(&quoted(&number)).is_empty(), format!("{number} was tried before poison"));
    }
    for number in numbers(5..9) {
        let taken = account.taken(&quoted(&number));
        found.expect((1..=2).contains(&taken), format!("{number} was delivered {taken} times"));
    }
    only_poison_is_set_aside(db, &mut found).await;
    found.0
}
