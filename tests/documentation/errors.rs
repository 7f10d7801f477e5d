//! `docs/errors.md` has every variant of `resil::Error`, with its real text, verdict and answer.

use crate::{code_blocks, read};
use axum::response::IntoResponse as _;
use resil::ledger::LedgerError;
use resil::outbox::OutboxError;
use resil::{Classify as _, Db, Error, Inside, OnceError, OnceProblem, Phase, Site, Verdict};
use sqlx::sqlite::SqlitePoolOptions;
use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

static PAY: Site = Site { function: "shop::pay", file: "src/shop.rs", line: 12 };
static ORDER: Site = Site { function: "shop::order", file: "src/shop.rs", line: 36 };

/// Misconfigured on purpose.
mod shop {
    use resil::{Error, circuit_breaker};

    #[circuit_breaker(name = "stock", open_for = "10s")]
    pub async fn reserve() -> Result<(), Error> {
        Ok(())
    }

    #[circuit_breaker(name = "stock")]
    pub async fn release() -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn every_variant_has_a_heading_and_a_row() {
    let source = read("resil-runtime/src/failure/error.rs");
    let body = source.split("pub enum Error {").nth(1).and_then(|rest| rest.split("\n}").next()).expect("the enum");
    let variant = |line: &str| {
        let name = line.strip_prefix("    ").filter(|name| name.starts_with(char::is_uppercase))?;
        name.split(|c: char| !c.is_alphanumeric()).next().map(str::to_owned)
    };
    let variants: BTreeSet<String> = body.lines().filter_map(variant).collect();
    assert!(variants.contains("CircuitOpen") && variants.len() > 10, "{variants:?}");
    let page = read("docs/errors.md");
    for start in ["### `", "| `"] {
        let named = page.lines().filter_map(|line| line.strip_prefix(start)).filter_map(|line| line.split('`').next());
        assert_eq!(named.map(str::to_owned).collect::<BTreeSet<_>>(), variants, "of {start}");
    }
}

#[tokio::test]
async fn every_row_and_every_text_is_the_real_one() {
    let page = read("docs/errors.md");
    let mut rows: BTreeSet<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let mut texts: BTreeSet<&str> = code_blocks(&page).into_iter().flat_map(|block| block.lines().skip(1)).collect();
    for (label, error) in samples().await {
        let (text, verdict) = (with_places_of_the_page(&error), error.verdict());
        texts.remove(text.as_str());
        let answer = error.into_response();
        let again = if answer.headers().contains_key("retry-after") { " and `Retry-After`" } else { "" };
        let (kind, effect, status) = (verdict.kind, verdict.effect, answer.status().as_u16());
        let row = format!("| {label} | `{kind:?}` | `{effect:?}` | {status}{again} |");
        assert!(rows.remove(row.as_str()), "no such row in docs/errors.md: {row}");
    }
    assert!(rows.is_empty(), "rows without a sample: {rows:#?}");
    assert!(texts.is_empty(), "texts that no sample has: {texts:#?}");
}

/// The text with the places that the page has.
fn with_places_of_the_page(error: &Error) -> String {
    let (text, order) = (error.to_string(), ORDER.to_string());
    match error {
        Error::InsideTransaction { place, .. } => text.replace(&place.called_at.to_string(), "src/shop.rs:40:9"),
        Error::Misconfigured(_) => {
            [("reserve", 26), ("release", 31)].into_iter().fold(text, |text, (function, line)| {
                let (before, rest) =
                    text.split_once(&format!("{}::shop::{function} (", module_path!())).expect("its name");
                let (_, after) = rest.split_once(')').expect("its place");
                format!("{before}shop::{function} (src/shop.rs:{line}){after}")
            })
        }
        Error::Transaction(failed) => text.replace(&failed.began.site.to_string(), &order),
        _ => text,
    }
}

async fn samples() -> Vec<(&'static str, Error)> {
    let (site, seconds, waited) = (&PAY, Duration::from_secs, Duration::ZERO);
    let place =
        Inside { called_at: Location::caller(), began: resil::Began { holds: resil::Holds::Transaction, site: ORDER } };
    let once = |problem| Error::from(OnceError { op: "order.place", problem });
    let ledger = |error: LedgerError| Error::from(error);
    let op = "payment.confirm";
    let in_doubt = Error::InDoubt {
        site,
        verdict: Box::new(Verdict::status(409)),
        why: Some("the partner answered 409 Conflict".into()),
    };
    let (no_connection, second) = from_a_database().await;
    vec![
        ("`CircuitOpen`, until a known time", Error::CircuitOpen { name: "payments", retry_after: Some(seconds(30)) }),
        ("`CircuitOpen`, until nobody knows when", Error::CircuitOpen { name: "payments", retry_after: None }),
        ("`SemaphoreFull`", Error::SemaphoreFull { name: "reports", limit: 2, waited }),
        ("`RateLimited`", Error::RateLimited { name: "bank", retry_after: Some(Duration::from_millis(500)) }),
        ("`BulkheadFull`", Error::BulkheadFull { name: "reports", limit: 2, waited: seconds(1) }),
        ("`BulkheadClosed`, not attempted", Error::BulkheadClosed { name: "reports", attempted: false }),
        ("`BulkheadClosed`, attempted", Error::BulkheadClosed { name: "reports", attempted: true }),
        ("`Panicked`", Error::Panicked { name: "reports" }),
        ("`Timeout`, phase `Connect`", Error::Timeout { site, phase: Phase::Connect, limit: seconds(2) }),
        ("`Timeout`, phase `Read`", Error::Timeout { site, phase: Phase::Read, limit: seconds(5) }),
        ("`Timeout`, phase `Attempt`", Error::Timeout { site, phase: Phase::Attempt, limit: seconds(10) }),
        (
            "`DeadlineExceeded`, not attempted",
            Error::DeadlineExceeded { site, limit: seconds(30), attempted: false, cut_short: false },
        ),
        (
            "`DeadlineExceeded`, attempted",
            Error::DeadlineExceeded { site, limit: seconds(30), attempted: true, cut_short: false },
        ),
        ("`MissingKey`", Error::MissingKey { method: "POST" }),
        ("`KeyReused`", Error::KeyReused { differs: "path" }),
        ("`InDoubt`, after a 409", in_doubt),
        ("`InsideTransaction`", Error::InsideTransaction { site, place: Arc::new(place) }),
        ("`Transaction`, no connection in time", no_connection),
        ("`Transaction`, a second connection", second),
        ("`Once`, other arguments", once(OnceProblem::OtherArguments)),
        ("`Once`, still running", once(OnceProblem::Running)),
        ("`Once`, unreadable outcome", once(OnceProblem::Undecodable("it is no number".to_owned()))),
        ("`Ledger`, other arguments", ledger(LedgerError::OtherArguments { op })),
        (
            "`Ledger`, unreadable",
            ledger(LedgerError::Unreadable { op: op.to_owned(), why: "it is no number".to_owned() }),
        ),
        ("`Outbox`, no topic", OutboxError::Length { what: "topic", length: 0 }.into()),
        ("`Outbox`, busy", OutboxError::Busy("019ac0de-0000-7000-8000-000000000000".parse().expect("a UUID")).into()),
        (
            "`Outbox`, unreadable",
            OutboxError::Unreadable { topic: "order.paid".to_owned(), why: "it is no number".to_owned() }.into(),
        ),
        ("`Misconfigured`", shop::release().await.expect_err("two settings under one name")),
    ]
}

/// A pool that has given its one connection away, and a second connection asked for by who holds the first.
async fn from_a_database() -> (Error, Error) {
    let folder = tempfile::tempdir().expect("a folder is made");
    let url = format!("sqlite:{}?mode=rwc", folder.path().join("test.db").display());
    let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(50));
    let pool = pool.connect(&url).await.expect("the file is opened");
    let db = Db::new(pool.clone());
    let second = db.transaction(async |_tx| db.pool().map(drop)).await.expect_err("there is one connection");
    let _taken = pool.acquire().await.expect("it is free");
    let none = db.transaction(async |_tx| Ok::<_, Error>(())).await.expect_err("it is taken");
    (none, second)
}
