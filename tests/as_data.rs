//! What `Serialize` makes of snapshots, settings, call sites, health and events: names that others read.

use resil::policy::rate_limit::Rate;
use resil::{
    Began, CircuitBreaker, CircuitState, Event, Holds, Outcome, Phase, RateLimit, Semaphore, Site, Verdict,
    circuit_breaker, operator, registry, retry, timeout,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::panic::Location;
use std::time::Duration;

static PAY: Site = Site { function: "shop::pay", file: "src/shop.rs", line: 12 };

#[retry(idempotent, attempts = 2)]
#[circuit_breaker(name = "written", open_for = "10s")]
#[timeout("1500ms")]
async fn written() -> Result<(), resil::Error> {
    Ok(())
}

fn data(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_snapshot_has_numbers_and_words_and_seconds() {
    let breaker = CircuitBreaker::named("snapshot").min_calls(1);
    breaker.admit().unwrap().record(Some(Verdict::status(503)));
    let mut snapshot = breaker.snapshot().unwrap();
    snapshot.retry_after = Some(Duration::from_millis(1500));
    assert_eq!(
        data(&snapshot),
        json!({
            "state": "open", "calls": 1, "failures": 1, "slow": 0, "failure_rate": 1.0, "slow_rate": null, "not_permitted": 0,
            "retry_after_seconds": 1.5,
        })
    );
    let semaphore = Semaphore::new(3).name("snapshot");
    assert_eq!(data(&semaphore.usage().unwrap()), json!({"limit": 3, "in_use": 0, "waiting": 0}));
    let limit = RateLimit::new(Rate::per_second(100)).name("snapshot");
    let full = json!({"tokens": 100, "burst": 100, "waiting": 0, "paused_for_seconds": null, "fleet": null});
    assert_eq!(data(&limit.usage().unwrap()), full);
    let keyed = CircuitBreaker::named("by key").keyed(10);
    assert_eq!(data(&keyed.usage().unwrap()), json!({"max_keys": 10, "keys": 0, "busy": 0, "rest_busy": false}));
}

#[tokio::test]
async fn a_call_site_is_its_place_and_its_policies() {
    written().await.unwrap();
    let all = registry().call_sites();
    let site = all.iter().find(|one| one.site().function.ends_with("::written")).unwrap();
    let site = data(site);
    assert_eq!((&site["function"], &site["file"]), (&json!("as_data::written"), &json!("tests/as_data.rs")));
    assert!(site["line"].is_u64());
    let kinds: Vec<_> = site["policies"].as_array().unwrap().iter().map(|one| (&one["kind"], &one["name"])).collect();
    let (retry, breaker, timeout) = (json!("retry"), json!("circuit_breaker"), json!("timeout"));
    assert_eq!(kinds, [(&retry, &Value::Null), (&breaker, &json!("written")), (&timeout, &Value::Null)]);
    assert_eq!(site["policies"][1]["settings"]["open_for"], "10s");
}

#[test]
fn a_setting_says_where_it_comes_from() {
    _ = operator("anna")
        .lasting(Duration::from_secs(60))
        .set("circuit_breaker.by_name.written.failure_rate", "0.3")
        .unwrap();
    let settings = registry().settings();
    let breaker = data(settings.iter().find(|one| one.name == Some("written")).unwrap());
    assert_eq!((&breaker["kind"], &breaker["label"]), (&json!("circuit_breaker"), &json!("written")));
    let of =
        |name: &str| breaker["settings"].as_array().unwrap().iter().find(|one| one["setting"] == name).unwrap().clone();
    assert_eq!(of("open_for"), json!({"setting": "open_for", "value": "10s", "source": "attribute"}));
    assert_eq!(of("min_calls"), json!({"setting": "min_calls", "value": "20", "source": "default"}));
    let by_hand = of("failure_rate");
    let word = &by_hand["source"]["operator"];
    assert_eq!((&by_hand["value"], &word["who"]), (&json!("0.3"), &json!("anna")));
    let lasts = word["until_unix_seconds"].as_f64().unwrap() - word["since_unix_seconds"].as_f64().unwrap();
    assert!((lasts - 60.0).abs() < 0.001, "{by_hand}");
}

#[test]
fn health_is_what_its_answer_has() {
    let _scope = resil::testing::isolated();
    CircuitBreaker::named("ill").force_open().unwrap();
    let health = data(&resil::health());
    let circuit = &health["circuits"][0];
    assert_eq!(
        (&circuit["name"], &circuit["state"], &circuit["cause"]),
        (&json!("ill"), &json!("forced_open"), &json!("manual"))
    );
    assert!(circuit["since_unix_seconds"].is_f64() && circuit["retry_after_seconds"].is_null());
    assert_eq!((&health["keyed"], &health["lines"]), (&json!([]), &json!([])));
}

/// One of each that a user can put together.
fn events() -> Vec<(Event, Value)> {
    use resil::policy::circuit_breaker::Cause;
    let site = json!({"function": "shop::pay", "file": "src/shop.rs", "line": 12});
    let (second, verdict) =
        (Duration::from_secs(1), Verdict::status(503).retry_after(Some(Duration::from_millis(500))));
    let meant = json!({"kind": "transient", "effect": "unknown", "retry_after_seconds": 0.5, "status": 503});
    let (breaker, here) = ("payments", Location::caller());
    let (closed, open) = (CircuitState::Closed, CircuitState::Open);
    vec![
        (
            Event::StateChanged { breaker, from: closed, to: open, cause: Cause::Manual, by: Some("anna".into()) },
            json!({"event": "state_changed", "breaker": breaker, "from": "closed", "to": "open", "cause": "manual", "by": "anna"}),
        ),
        (
            Event::CallsForgotten { breaker, by: None },
            json!({"event": "calls_forgotten", "breaker": breaker, "by": null}),
        ),
        (
            Event::WouldHaveOpened { breaker, cause: Cause::SlowRate },
            json!({"event": "would_have_opened", "breaker": breaker, "cause": "slow_rate"}),
        ),
        (
            Event::CircuitRefused { breaker, retry_after: Some(second) },
            json!({"event": "circuit_refused", "breaker": breaker, "retry_after_seconds": 1.0}),
        ),
        (
            Event::SemaphoreRefused { semaphore: breaker, limit: 2, waited: second },
            json!({"event": "semaphore_refused", "semaphore": breaker, "limit": 2, "waited_seconds": 1.0}),
        ),
        (
            Event::RatePaused { limit: breaker, wait: second },
            json!({"event": "rate_paused", "limit": breaker, "wait_seconds": 1.0}),
        ),
        (
            Event::KeysFull { kind: "semaphore", policy: breaker, max_keys: 3 },
            json!({"event": "keys_full", "kind": "semaphore", "policy": breaker, "max_keys": 3}),
        ),
        (
            Event::Retrying { site: &PAY, attempt: 1, delay: second, verdict },
            json!({"event": "retrying", "site": site, "attempt": 1, "delay_seconds": 1.0, "verdict": meant}),
        ),
        (
            Event::GaveUp { site: &PAY, attempt: 3, why: resil::policy::retry::Why::BudgetSpent, verdict },
            json!({"event": "gave_up", "site": site, "attempt": 3, "why": "budget_spent", "verdict": meant}),
        ),
        (
            Event::Finished {
                site: &PAY,
                attempts: 2,
                waited: second,
                elapsed: 2 * second,
                outcome: Outcome::Cancelled,
                error: Some("a \"b\"".into()),
            },
            json!({
                "event": "finished", "site": site, "attempts": 2, "waited_seconds": 1.0, "elapsed_seconds": 2.0,
                "outcome": "cancelled", "error": "a \"b\"",
            }),
        ),
        (
            Event::TimedOut { site: &PAY, phase: Phase::Read, limit: second },
            json!({"event": "timed_out", "site": site, "phase": "read", "limit_seconds": 1.0}),
        ),
        (
            Event::CalledInside {
                site: &PAY,
                called_at: here,
                began: Began { holds: Holds::Transaction, site: PAY },
                refused: true,
            },
            json!({
                "event": "called_inside", "site": site, "called_at": here.to_string(), "refused": true,
                "began": {"holds": "transaction", "site": site},
            }),
        ),
        (Event::ConnectUnproven, json!({"event": "connect_unproven"})),
        (
            Event::Outbox(resil::outbox::OutboxEvent::LeftToOthers { topic: "order.paid".to_owned(), waits: second }),
            json!({"event": "outbox", "what": "left_to_others", "topic": "order.paid", "waits_seconds": 1.0}),
        ),
        (
            Event::Ledger(resil::ledger::LedgerEvent::Unknown { op: "pay".to_owned(), version: 2, count: 3 }),
            json!({"event": "ledger", "what": "unknown", "op": "pay", "version": 2, "count": 3}),
        ),
        (Event::Missed(7), json!({"event": "missed", "events": 7})),
    ]
}

#[test]
fn an_event_is_an_object_with_its_name_in_it() {
    let mut names = BTreeSet::new();
    for (event, expected) in events() {
        assert_eq!(data(&event), expected);
        let text = serde_json::to_string(&event).unwrap_or_else(|error| panic!("{event:?}: {error}"));
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(expected.clone()), "as text too");
        assert!(names.insert(expected["event"].to_string()), "each has its own: {expected}");
    }
}
