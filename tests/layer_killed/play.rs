//! Plays: in which places the lives of a server end, and what must be so afterwards.

use crate::books::Books;
use crate::clients::{ALL, Answer, At, Wanted, until_answered};
use crate::{child, killed};
use futures_util::future::join_all;
use resil::Db;
use sqlx::{AssertSqlSafe, Executor as _};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::watch;

/// More than the requests of one life pass, so that some live on.
const PLACES: u32 = 30;

/// Plays so many on each database, and answers how many went wrong.
pub async fn all(number: usize) -> usize {
    let seed = std::env::var("RESIL_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    println!("seed {seed}");
    let folder = killed::in_memory();
    let file = folder.path().join("killed.db").display().to_string();
    let mut violations = plays(&killed::sqlite(&file).await, &file, number, seed).await;
    if std::env::var("RESIL_TEST_POSTGRES_URL").is_err() {
        println!("PostgreSQL ... ignored, needs RESIL_TEST_POSTGRES_URL");
        return violations;
    }
    let schema = format!("resil_layer_{}", std::process::id());
    let db = killed::postgres(&schema).await;
    db.pool().unwrap().execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.unwrap();
    violations += plays(&db, &schema, number, seed).await;
    db.pool().unwrap().execute(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).await.unwrap();
    violations
}

async fn plays<DB: Books>(db: &Db<DB>, address: &str, number: usize, seed: u64) -> usize {
    DB::create(db).await;
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut violations, mut died) = (0, BTreeMap::<String, u32>::new());
    for play in 0..number {
        // Each place is the first of some play.
        let first = u32::try_from(play).unwrap() % PLACES;
        let lives: Vec<_> = [first].into_iter().chain((0..rng.usize(..3)).map(|_| rng.u32(..PLACES / 2))).collect();
        DB::clear(db).await;
        let found = one(db, address, &lives, &mut died).await;
        for violation in &found {
            println!("VIOLATED in play {play} on {}, lives that end at {lives:?}: {violation}", DB::WORD);
        }
        violations += usize::from(!found.is_empty());
    }
    println!("{number} plays on {}, ended {died:?}, {violations} violations", DB::WORD);
    // Fewer would have missed one of them.
    let is_whole = died.len() == 5 || number < 24;
    violations + usize::from(!is_whole)
}

async fn one<DB: Books>(db: &Db<DB>, address: &str, lives: &[u32], died: &mut BTreeMap<String, u32>) -> Vec<String> {
    let (tells, at) = watch::channel(None);
    let client = reqwest::Client::new();
    let answers = tokio::select! {
        never = serves(DB::WORD, address, lives, &tells, died) => match never {},
        answers = answers(&client, &at) => answers,
    };
    let mut found = Vec::new();
    let placed = DB::placed(db).await;
    for (wanted, answers) in ALL.iter().zip(&answers) {
        let Wanted { owner, key, item } = *wanted;
        let of: Vec<_> = placed.iter().filter(|one| (&*one.0, &*one.1, &*one.2) == (owner, key, item)).collect();
        let [one] = of[..] else {
            found.push(format!("{owner}'s {key} was done {} times", of.len()));
            continue;
        };
        let expected = (201, one.3.to_string());
        for answer in answers {
            if !answer.as_ref().is_ok_and(|answer| (answer.status, &answer.text) == (expected.0, &expected.1)) {
                found.push(format!("{owner}'s {key} is {expected:?}, and was answered {answer:?}"));
            }
        }
    }
    if placed.len() != ALL.len() {
        found.push(format!("{placed:?}"));
    }
    let kept = DB::kept(db).await;
    if kept.iter().any(|status| *status >= 500) {
        found.push(format!("kept are {kept:?}"));
    }
    found
}

/// What each was answered: two at once, then a repeat; and a request with another payload is refused.
async fn answers(client: &reqwest::Client, at: &watch::Receiver<At>) -> Vec<Vec<Result<Answer, String>>> {
    let each = ALL.map(|wanted| async move {
        let answered = watch::Sender::new(false);
        let both = (0..2).map(|_| until_answered(client, at.clone(), &answered, wanted));
        let mut answers = join_all(both).await;
        answers.push(until_answered(client, at.clone(), &answered, wanted).await.and_then(|repeat| match repeat {
            Answer { is_replayed: true, .. } => Ok(repeat),
            _ => Err(format!("{repeat:?} was not given again")),
        }));
        let other = until_answered(client, at.clone(), &answered, Wanted { item: "something else", ..wanted }).await;
        if !other.as_ref().is_ok_and(|other| other.status == 422) {
            answers.push(Err(format!("another payload was answered {other:?}")));
        }
        answers
    });
    join_all(each).await
}

enum Never {}

/// Lives one server after the other; the last one goes on.
async fn serves(
    database: &str,
    address: &str,
    lives: &[u32],
    tells: &watch::Sender<At>,
    died: &mut BTreeMap<String, u32>,
) -> Never {
    let ends = lives.iter().map(ToString::to_string).chain(std::iter::once("-".to_owned()));
    for (life, end) in ends.enumerate() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(child::ORDERS, format!("{database} {address} {end}")).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        while let Some(line) = said.next_line().await.unwrap() {
            match line.split_once(' ') {
                Some(("listens", at)) => _ = tells.send_replace(Some((life, at.parse::<SocketAddr>().unwrap()))),
                Some(("at", place)) => {
                    *died.entry(place.to_owned()).or_default() += 1;
                    process.kill().await.unwrap();
                }
                _ => {}
            }
        }
        process.wait().await.unwrap();
    }
    panic!("the last server has ended");
}
