//! Eight processes share a rate through PostgreSQL: each is a thread with a registry, a runtime and a pool of its own.
//! `RESIL_TEST_SECONDS` says how long, 5 by default.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "support/mod.rs"]
mod support;

use resil::policy::rate_limit::fleet::{Answer, Ask, Fleet, Store};
use resil::policy::rate_limit::{Lost, Rate};
use resil::{Db, Error, Event, RateLimit, registry};
use sqlx::Postgres;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

const PROCESSES: u32 = 8;
const RATE: u32 = 100;
const BURST: u32 = 20;
/// A tenth of a second of the whole rate.
const LEASE: f64 = 10.0;

static LIMIT: RateLimit = RateLimit::new(Rate::per_second(RATE)).name("quota").burst(BURST).fleet(Lost::Share);

fn seconds() -> u64 {
    std::env::var("RESIL_TEST_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(5)
}

/// The store, until it is cut off.
struct Cut(Fleet, Arc<AtomicBool>);

impl Store for Cut {
    fn lease<'a>(&'a self, asks: &'a [Ask]) -> Pin<Box<dyn Future<Output = Result<Vec<Answer>, Error>> + Send + 'a>> {
        Box::pin(async move {
            while self.1.load(Relaxed) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            self.0.lease(asks).await
        })
    }
}

/// Asks every so often, and is idle in every second half of a second if it comes in bursts.
#[derive(Clone, Copy)]
struct Load {
    every: Duration,
    in_bursts: bool,
}

/// When each call of this process began.
fn process(schema: &str, load: Load, since: Instant, until: Duration, cut: Arc<AtomicBool>) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _scope = resil::testing::isolated();
    runtime.block_on(async {
        let db = Db::new(support::postgres_pool(schema).await);
        Fleet::of(Cut(Fleet::on(&db).await.unwrap(), cut)).install().unwrap();
        let mut began = Vec::new();
        while since.elapsed() < until {
            let rests = load.in_bursts && since.elapsed().as_millis() % 1000 >= 500;
            if !rests && LIMIT.acquire().await.is_ok() {
                began.push(since.elapsed());
            }
            tokio::time::sleep(load.every).await;
        }
        began
    })
}

/// All of them; some are cut off for the middle third.
async fn fleet(db: &Db<Postgres>, loads: impl Fn(u32) -> Load, cut_off: u32) -> Vec<Duration> {
    db.migrate().await.unwrap();
    let schema: String = sqlx::query_scalar("SELECT current_schema()").fetch_one(db.pool().unwrap()).await.unwrap();
    let (since, until) = (Instant::now(), Duration::from_secs(seconds()));
    let cuts: Vec<Arc<AtomicBool>> = (0..PROCESSES).map(|_| Arc::default()).collect();
    let threads: Vec<_> = (0..PROCESSES)
        .zip(&cuts)
        .map(|(number, cut)| {
            let (schema, load, cut) = (schema.clone(), loads(number), Arc::clone(cut));
            std::thread::spawn(move || process(&schema, load, since, until, cut))
        })
        .collect();
    let switch = |to| cuts.iter().take(cut_off as usize).for_each(|cut: &Arc<AtomicBool>| cut.store(to, Relaxed));
    tokio::time::sleep(until / 3).await;
    switch(true);
    tokio::time::sleep(until / 3).await;
    switch(false);
    let joined = tokio::task::spawn_blocking(|| threads.into_iter().map(|thread| thread.join().unwrap()).collect());
    let each: Vec<Vec<Duration>> = joined.await.unwrap();
    println!("{:?} calls", each.iter().map(Vec::len).collect::<Vec<_>>());
    let mut all = each.concat();
    all.sort();
    all
}

/// The most by which a span has more than the rate allows.
fn beyond(began: &[Duration], per_second: f64) -> f64 {
    // Of the spans that end with a call the worst begins where the least was used until then.
    let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
    for (before, at) in (0_u32..).zip(began) {
        let used = f64::from(before) - per_second * at.as_secs_f64();
        least = least.min(used);
        most = most.max(used + 1.0 - least);
    }
    most
}

/// What the promise adds to the rate.
fn promised() -> f64 {
    f64::from(BURST).max(LEASE) + f64::from(PROCESSES) * LEASE
}

fn measured(what: &str, began: &[Duration], per_second: f64) -> f64 {
    let beyond = beyond(began, per_second);
    let used = f64::from(u32::try_from(began.len()).unwrap())
        / (f64::from(RATE) * Duration::from_secs(seconds()).as_secs_f64());
    println!(
        "{what}: {} calls, {:.0} % of the rate, {beyond:.0} beyond it in the worst span, {:.0} promised",
        began.len(),
        used * 100.0,
        promised()
    );
    assert!(beyond <= promised(), "{beyond} beyond the rate in some span");
    used
}

macro_rules! on_postgres {
    ($(async fn $name:ident($db:ident) $body:block)*) => {$(
        #[tokio::test]
        #[ignore = "needs PostgreSQL"]
        async fn $name() {
            support::postgres(async |$db: Db<Postgres>| $body).await;
        }
    )*};
}

const BUSY: Load = Load { every: Duration::from_millis(4), in_bursts: false };

on_postgres! {
    async fn under_full_demand_all_of_the_rate_is_used_and_no_more(db) {
        let used = measured("full demand", &fleet(&db, |_| BUSY, 0).await, RATE.into());
        assert!(used > 0.5, "{used}");
    }

    async fn a_process_with_all_the_demand_gets_nearly_all_of_it(db) {
        let slow = Load { every: Duration::from_millis(700), in_bursts: false };
        let used = measured("one busy", &fleet(&db, |number| if number == 0 { BUSY } else { slow }, 0).await, RATE.into());
        assert!(used > 0.5, "{used}");
    }

    async fn bursts_keep_to_it(db) {
        let in_bursts = Load { in_bursts: true, ..BUSY };
        measured("bursts", &fleet(&db, |_| in_bursts, 0).await, RATE.into());
    }

    async fn those_cut_off_add_their_last_share_and_no_more(db) {
        let began = fleet(&db, |_| BUSY, 4).await;
        // Half of them have half of the rate beside it.
        let used = measured("half cut off", &began, f64::from(RATE) * 1.5);
        assert!(used > 0.5, "{used}");
    }

    async fn a_store_that_loses_its_rows_begins_empty(db) {
        let _scope = resil::testing::isolated();
        db.migrate().await.unwrap();
        Fleet::on(&db).await.unwrap().install().unwrap();
        LIMIT.acquire().await.unwrap();
        sqlx::query("DELETE FROM resil_rates").execute(db.pool().unwrap()).await.unwrap();
        let mut began = 0_u32;
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(1) {
            began += u32::from(LIMIT.acquire().await.is_ok());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let most = f64::from(RATE) * since.elapsed().as_secs_f64() + LEASE * 2.0;
        assert!(f64::from(began) <= most && began > 0, "{began} of {most}");
    }

    async fn two_rates_under_one_name_are_told_and_neither_is_exceeded(db) {
        static OTHER: RateLimit = RateLimit::new(Rate::per_second(50)).name("quota").fleet(Lost::Share);
        db.migrate().await.unwrap();
        let told = {
            let _scope = resil::testing::isolated();
            Fleet::on(&db).await.unwrap().install().unwrap();
            LIMIT.acquire().await.unwrap();
            let _other = resil::testing::isolated();
            Fleet::on(&db).await.unwrap().install().unwrap();
            let mut events = registry().subscribe();
            OTHER.acquire().await.unwrap();
            events.try_next()
        };
        assert!(matches!(told, Some(Event::RateDiffers { limit: "quota" })), "{told:?}");
    }

    async fn what_is_owed_is_owed_in_tokens_whatever_the_rate_is_then(db) {
        db.migrate().await.unwrap();
        let fleet = Fleet::on(&db).await.unwrap();
        let (slow, fast) = ((60_000_000_000, 10), (1_000_000_000, 100));
        let ask = async |name: &'static str, (interval, burst): (u64, u32), want: u32| {
            let ask = Ask { name, key: None, interval, burst, demand: want, arrived: want, want, back: 0, is_known: false };
            fleet.lease(&[ask]).await.unwrap()[0]
        };
        assert_eq!(ask("faster", slow, 10).await.granted, 10);
        let after = ask("faster", fast, 1).await;
        assert!(after.wait < Duration::from_secs(5), "the ten tokens come at the new rate: {after:?}");

        assert_eq!(ask("slower", fast, 100).await.granted, 100);
        let after = ask("slower", slow, 10).await;
        assert!(after.granted <= 1, "nothing is left: {after:?}");

        // During a deployment, in turns.
        assert_eq!(ask("in turns", fast, 100).await.granted, 100);
        let mut given = 0;
        for _ in 0..20 {
            given += ask("in turns", slow, 10).await.granted + ask("in turns", fast, 100).await.granted;
        }
        assert!(given <= 20, "{given} beyond the burst");

        assert_eq!(ask("grows", slow, 0).await.granted, 0);
        let grown = ask("grows", fast, 100).await.granted;
        assert!((10..100).contains(&grown), "it has what it had, and fills up at the new rate: {grown}");
        // A day of each of 4 billion tokens is no number of nanoseconds.
        ask("extreme", (1, u32::MAX), 1000).await;
        assert!(ask("extreme", (86_400_000_000_000, 1), 1).await.granted <= 1);
        assert!(ask("extreme", (1, u32::MAX), 1).await.granted <= 1);
    }

    async fn a_clock_that_is_set_makes_nothing_wait(db) {
        let _scope = resil::testing::isolated();
        db.migrate().await.unwrap();
        Fleet::on(&db).await.unwrap().install().unwrap();
        while LIMIT.acquire().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // As if it had been an hour later when the row was written.
        let hour = "UPDATE resil_rates SET full_at = full_at + 3600000000000, seen = seen + 3600000000000";
        sqlx::query(hour).execute(db.pool().unwrap()).await.unwrap();
        let mut began = 0_u32;
        for _ in 0..200 {
            began += u32::from(LIMIT.acquire().await.is_ok());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert!(began > 10, "{began}");
    }

    async fn a_clock_that_is_set_forward_gives_no_more_than_a_burst(db) {
        let _scope = resil::testing::isolated();
        db.migrate().await.unwrap();
        Fleet::on(&db).await.unwrap().install().unwrap();
        while LIMIT.acquire().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // As if it had been an hour earlier when the row was written.
        let hour = "UPDATE resil_rates SET full_at = full_at - 3600000000000, seen = seen - 3600000000000";
        sqlx::query(hour).execute(db.pool().unwrap()).await.unwrap();
        let (mut began, since) = (0_u32, Instant::now());
        while since.elapsed() < Duration::from_secs(1) {
            began += u32::from(LIMIT.acquire().await.is_ok());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // What it held already, and what a full bucket has.
        let most = f64::from(RATE) * since.elapsed().as_secs_f64() + f64::from(BURST) + LEASE;
        assert!(f64::from(began) <= most && began > 0, "{began} of {most}");
    }
}

/// SQLite's file is one machine's.
#[tokio::test]
async fn a_file_is_no_store() {
    support::sqlite(async |db| {
        db.migrate().await.unwrap();
        let error = Fleet::on(&db).await.unwrap_err();
        assert!(matches!(error, Error::Misconfigured(_)));
        assert!(error.to_string().contains("with a `Db` of PostgreSQL"), "{error}");
    })
    .await;
}
