//! What the metrics say, read from the text of a Prometheus endpoint. One process, one recorder: one test.

#![allow(clippy::float_cmp, reason = "counts are exact")]

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use resil::ledger::Ledger;
use resil::{
    Bulkhead, Classify, Db, Error, Semaphore, circuit_breaker, deadline, durable, fallback, rate_limit, registry,
    retry, semaphore, timeout, transactional,
};
use sqlx::Sqlite;
use std::collections::BTreeMap;
use std::future::pending;
use std::time::Duration;

static HELD: Semaphore = Semaphore::new(3).name("held");

/// A name is data, and ends neither its label nor its line.
const HOSTILE: &str = "a\"} 1\nresil_forged{b=\"\\\u{202e}名";
static NAMED_BY_AN_ENEMY: Semaphore = Semaphore::new(7).name(HOSTILE);

#[derive(Debug, Classify)]
enum Failed {
    #[classify(status)]
    Status(u16),
    #[classify(delegate)]
    Policy(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

/// What a partner does, by chance.
async fn partner(answer: u8) -> Result<(), Failed> {
    match answer {
        0..60 => Ok(()),
        60..70 => {
            tokio::task::yield_now().await;
            Ok(())
        }
        70..80 => Err(Failed::Status(503)),
        80..88 => Err(Failed::Status(400)),
        88..94 => Err(Failed::Status(500)),
        94..97 => panic!("a bug"),
        _ => pending().await,
    }
}

#[deadline("60s")]
#[retry(idempotent, attempts = 2, base = "0ms", budget = "loaded")]
#[circuit_breaker(name = "loaded", window = 50, min_calls = 50, failure_rate = 0.6, open_for = "1ms")]
#[semaphore(name = "loaded", permits = 4)]
#[timeout("30s")]
async fn loaded(answer: u8) -> Result<(), Failed> {
    partner(answer).await
}

#[fallback(value = ())]
#[circuit_breaker(name = "answered", window = 50, min_calls = 50, failure_rate = 1.0)]
async fn answered(answer: u8) -> Result<(), Failed> {
    partner(answer).await
}

#[circuit_breaker(name = "by key", key = key, max_keys = 1000)]
async fn by_key(key: &str) -> Result<(), Failed> {
    if key.is_empty() { Err(Failed::Status(500)) } else { Ok(()) }
}

#[rate_limit("2/d", name = "quota")]
async fn limited() -> Result<(), Error> {
    Ok(())
}

#[durable(db = Sqlite, op = "payment", version = 1, per = order)]
async fn pay(order: i64) -> Result<i64, Error> {
    Ok(order)
}

#[transactional(tx = db)]
async fn placed(db: &Db<Sqlite>, order: i64) -> Result<(), Error> {
    pay::record(tx, order).await.map(drop)
}

static REPORTS: Bulkhead = Bulkhead::new(1).name("reports").queue(7);

/// Series and their values.
fn parsed(text: &str) -> BTreeMap<String, f64> {
    let mut series = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap_or_default();
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            continue;
        }
        assert!(!line.starts_with('#'), "{line}");
        let (name, value) = line.rsplit_once(' ').unwrap_or_default();
        let Ok(value) = value.parse() else { panic!("{line}") };
        assert!(series.insert(name.to_owned(), value).is_none(), "twice: {line}");
    }
    series
}

/// The value of the label `name` of a series, as a reader of the format takes it.
fn name_of(series: &str) -> Option<String> {
    let mut rest = series.split_once("name=\"")?.1.chars();
    let mut name = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(name),
            '\\' => name.push(rest.next().map(|escaped| if escaped == 'n' { '\n' } else { escaped })?),
            char => name.push(char),
        }
    }
}

/// The sum of all series that begin with this and have that in their labels.
fn sum(series: &BTreeMap<String, f64>, name: &str, labels: &str) -> f64 {
    let of = |series: &&String| series.starts_with(name) && series.contains(labels);
    series.iter().filter(|(series, _)| of(series)).map(|(_, value)| value).sum()
}

/// Series by the beginning of their names, and what is in their labels: so many of each.
const FROM_THE_START: [(&str, &str, usize); 26] = [
    ("resil_calls_total", "::loaded", 7),
    ("resil_attempts_total", "::loaded", 1),
    ("resil_retries_total", "::loaded", 4),
    ("resil_retries_given_up_total", "::loaded", 6),
    ("resil_timeouts_total", "::loaded", 3),
    ("resil_deadlines_passed_total", "::loaded", 1),
    ("resil_fallbacks_total", "::answered", 4),
    ("resil_refusals_total", "\"loaded\"", 2),
    ("resil_circuit_state", "\"answered\"", 6),
    ("resil_circuit_transitions_total", "\"answered\"", 6),
    ("resil_permits_limit", "\"loaded\"", 1),
    ("resil_keys_limit", "by key", 1),
    ("resil_keys_busy", "by key", 1),
    ("resil_circuit_transitions_total", "by key", 6),
    ("resil_rate_limit_tokens", "quota", 1),
    ("resil_rate_limit_burst", "quota", 1),
    ("resil_rate_limit_waiting", "quota", 1),
    ("resil_rate_limit_paused_seconds", "quota", 1),
    ("resil_rate_limit_share", "quota", 0),
    ("resil_ledger_intents", "payment", 7),
    ("resil_ledger_oldest_seconds", "payment", 7),
    ("resil_ledger_seen_timestamp_seconds", "", 1),
    ("resil_outbox_", "", 4),
    ("resil_connections_held{", "::placed", 1),
    ("resil_connections_released_total", "::placed", 1),
    ("resil_connections_held_seconds_total", "::placed", 1),
];

/// Quotas, queues, and what waits in a database.
async fn what_waits_is_told(prometheus: &PrometheusHandle) {
    assert!(limited().await.is_ok() && REPORTS.usage().is_ok());
    let Ok(folder) = tempfile::tempdir() else { panic!("a folder") };
    let db = database(&folder.path().join("shop.db")).await;
    assert!(placed(&db, 7).await.is_ok());
    let ledger = match Ledger::on(db.clone()).operation::<pay>().open().await {
        Ok(ledger) => ledger,
        Err(error) => panic!("{error}"),
    };
    let mut waits = BTreeMap::new();
    let looked = async {
        while registry().backlogs().ledger.seen.is_none() {
            tokio::task::yield_now().await;
        }
        let holds = db.connection(async |_| {
            resil::metrics::publish();
            Ok::<_, Error>(parsed(&prometheus.render()))
        });
        let Ok(told) = holds.await else { panic!("it is free") };
        waits = told;
    };
    // It leaves the intent to who recorded it, for a while.
    assert_eq!(ledger.reconciler().run(looked).await.claimed, 0);
    assert_eq!(sum(&waits, "resil_rate_limit_tokens", "quota"), 1.0);
    assert_eq!(sum(&waits, "resil_bulkhead_queue_limit", "reports"), 7.0);
    assert_eq!(sum(&waits, "resil_ledger_intents", "state=\"RECORDED\""), 1.0);
    assert_eq!(sum(&waits, "resil_ledger_intents", ""), 1.0);
    assert!(sum(&waits, "resil_ledger_seen_timestamp_seconds", "") > 1.7e9);
    resil::metrics::publish();
    let ended = parsed(&prometheus.render());
    assert_eq!(sum(&ended, "resil_ledger_intents", ""), 0.0, "nobody looks any more");
    assert_eq!(sum(&ended, "resil_ledger_seen_timestamp_seconds", ""), 0.0);
    assert_eq!(sum(&waits, "resil_connections_released_total", "::placed"), 1.0);
    assert_eq!(sum(&waits, "resil_connections_held{", "db.connection"), 1.0);
    drop((db, ledger));
    // Another in its place goes on.
    let another = database(&folder.path().join("another.db")).await;
    assert!(placed(&another, 8).await.is_ok());
    resil::metrics::publish();
    let goes_on = parsed(&prometheus.render());
    assert_eq!(sum(&goes_on, "resil_connections_released_total", "::placed"), 2.0);
}

async fn database(file: &std::path::Path) -> Db<Sqlite> {
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let file = file.create_if_missing(true).journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let Ok(pool) = sqlx::SqlitePool::connect_with(file).await else { panic!("it opens") };
    let db = Db::new(pool);
    assert!(db.migrate().await.is_ok());
    db
}

#[tokio::test(flavor = "current_thread")]
async fn the_endpoint_tells_what_happened() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str() != Some("a bug") {
            usual(panic);
        }
    }));
    let Ok(prometheus) = PrometheusBuilder::new().install_recorder() else { panic!("it is the only one") };
    _ = loaded(0).await;
    resil::metrics::install();

    // Everything is there, and nothing has happened: what came before is not counted.
    let before = parsed(&prometheus.render());
    for (name, labels, states) in FROM_THE_START {
        let found = before.keys().filter(|series| series.starts_with(name) && series.contains(labels)).count();
        assert_eq!(found, states, "{name}: {before:#?}");
    }
    assert!(
        before.iter().all(|(name, value)| !name.contains("_total") || name.contains("revision") || *value == 0.0),
        "{before:#?}"
    );
    assert_eq!(sum(&before, "resil_circuit_state", "\"loaded\",state=\"closed\""), 1.0);

    // 100,000 calls with faults, cancels and panics.
    let mut random = fastrand::Rng::with_seed(18);
    let mut made = [0_u32; 2];
    for _ in 0..100_000 {
        let (answer, which) = (random.u8(0..100), random.usize(0..2));
        let cancel = random.u8(0..10) == 0;
        made[which] += 1;
        let call = async move { if which == 0 { loaded(answer).await } else { answered(answer).await } };
        let hangs = answer >= 97;
        let call = tokio::spawn(call);
        if cancel || hangs {
            // Once it has begun: one that is aborted before its first poll is no call.
            tokio::task::yield_now().await;
            call.abort();
        }
        _ = call.await;
    }
    for key in 0..100_000 {
        // What a customer calls themselves is nobody's label.
        _ = by_key(&format!("{key}\"}} 1\nresil_forged{{from=\"a key")).await;
    }
    resil::metrics::publish();
    let after = parsed(&prometheus.render());
    assert!(after.keys().all(|series| !series.contains("from=") && !series.starts_with("resil_forged")));
    for (site, made) in ["::loaded", "::answered"].into_iter().zip(made) {
        assert_eq!(sum(&after, "resil_calls_total", site), f64::from(made), "{site}: {after:#?}");
        assert_eq!(sum(&after, "resil_call_duration_seconds_count", site), f64::from(made), "{site}");
        for outcome in ["succeeded", "panicked", "cancelled"] {
            let outcome = format!("outcome=\"{outcome}\"");
            let some =
                after.iter().any(|(series, value)| series.contains(site) && series.contains(&outcome) && *value > 0.0);
            assert!(some, "{site} {outcome}");
        }
    }
    let [calls, attempts] = ["resil_calls_total", "resil_attempts_total"].map(|name| sum(&after, name, "::loaded"));
    let refused = sum(&after, "resil_calls_total", "outcome=\"refused\"");
    assert!(
        attempts <= calls + sum(&after, "resil_retries_total", "::loaded"),
        "{attempts} of {calls}, {refused} refused"
    );
    assert!(sum(&after, "resil_fallbacks_total", "") > 0.0);
    assert_eq!(sum(&after, "resil_calls_total", "::by_key"), 100_000.0);
    assert!(sum(&after, "resil_keys{", "by key") <= 1000.0);
    let per_key = after.keys().filter(|series| series.contains("by_key") || series.contains("by key")).count();
    assert!(per_key < 30, "{per_key}");
    assert!(after.len() < 200, "{}", after.len());

    // What is open and used now.
    let permit = HELD.acquire().await;
    assert!(NAMED_BY_AN_ENEMY.acquire().await.is_ok());
    let Some(breaker) = registry().circuit_breaker("answered") else { panic!("it is written") };
    assert!(breaker.force_open().is_ok());
    assert_eq!(sum(&after, "resil_keys_busy{", "by key"), 0.0);
    let forced = resil::operator("anna").set("circuit_breaker.by_name.\"by key\".mode", "forced_open");
    assert!(forced.is_ok(), "{forced:?}");
    assert!(answered(0).await.is_ok(), "by the fallback");
    resil::metrics::publish();
    let now = parsed(&prometheus.render());
    assert_eq!(sum(&now, "resil_circuit_state", "\"answered\",state=\"forced_open\""), 1.0);
    assert_eq!(sum(&now, "resil_circuit_state", "\"answered\",state=\"closed\""), 0.0);
    assert_eq!(sum(&now, "resil_keys_busy{", "by key"), sum(&now, "resil_keys{", "by key") + 1.0, "and the rest");
    let forced = sum(&now, "resil_circuit_transitions_total", "\"by key\",to=\"forced_open\"");
    assert!(forced >= sum(&now, "resil_keys{", "by key"), "{forced}");
    assert_eq!(sum(&now, "resil_permits_used", "\"held\""), 1.0);
    assert_eq!(sum(&now, "resil_permits_limit", "\"held\""), 3.0);
    assert_eq!(sum(&now, "resil_refusals_total", "\"answered\",reason=\"circuit_open\""), 1.0);
    let of_enemy = now.iter().filter(|(series, _)| name_of(series).as_deref() == Some(HOSTILE));
    let limits: Vec<_> = of_enemy.filter(|(series, _)| series.starts_with("resil_permits_limit{")).collect();
    assert!(matches!(limits[..], [(_, 7.0)]), "{limits:?} of {now:#?}");
    assert!(now.keys().all(|series| !series.starts_with("resil_forged")), "{now:#?}");
    drop(permit);
    assert!(resil::operator("anna").close("circuit_breaker.by_name.\"by key\"").is_ok());

    what_waits_is_told(&prometheus).await;

    // Opted out of: counted, and not timed.
    resil::metrics::time_calls(false);
    _ = by_key("0").await;
    resil::metrics::publish();
    let untimed = parsed(&prometheus.render());
    let timed = |series: &BTreeMap<String, f64>| sum(series, "resil_call_duration_seconds_count", "::by_key");
    assert_eq!((sum(&untimed, "resil_calls_total", "::by_key"), timed(&untimed)), (100_001.0, timed(&now)));

    // Once a second, by itself.
    _ = by_key("0").await;
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(sum(&parsed(&prometheus.render()), "resil_calls_total", "::by_key"), 100_002.0);
}
