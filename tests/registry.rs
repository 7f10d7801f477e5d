//! What an operator finds in the registry.

use resil::{CircuitState, Policy, Window, bulkhead, circuit_breaker, deadline, registry, retry, semaphore, timeout};
use std::io;
use std::time::Duration;

/// Opens at the first failure, and one probe decides.
#[circuit_breaker(name = "partner", window = 1, min_calls = 1, open_for = "1s", half_open_calls = 1)]
async fn partner(ok: bool) -> io::Result<()> {
    if ok { Ok(()) } else { Err(io::ErrorKind::ConnectionReset.into()) }
}

#[deadline("30s")]
#[retry(idempotent, budget = "shared")]
#[circuit_breaker(name = "never called")]
#[semaphore(name = "a line\nof its own", permits = 2, max_wait = "1s")]
#[timeout("5s", connect = "1s")]
async fn never_called() -> io::Result<()> {
    Ok(())
}

#[circuit_breaker(window = "60s")]
async fn unnamed() -> io::Result<()> {
    Ok(())
}

#[bulkhead(name = "drawing", threads = 1)]
async fn draw() -> Result<(), resil::Error> {
    Ok(())
}

fn labels() -> Vec<&'static str> {
    registry().circuit_breakers().iter().map(resil::CircuitBreaker::label).collect()
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_found_by_name_before_and_after_its_first_call() {
    let _scope = resil::testing::isolated();
    let before = registry().circuit_breaker("partner").unwrap();
    assert_eq!(before.snapshot().unwrap().state, CircuitState::Closed);
    assert_eq!((before.name(), before.configuration().window), (Some("partner"), Window::Calls(1)));

    _ = partner(false).await;
    for handle in [before, registry().circuit_breaker("partner").unwrap()] {
        assert_eq!(handle.snapshot().unwrap().state, CircuitState::Open);
        assert_eq!(handle.snapshot().unwrap().failures, 1);
    }

    let line = registry().semaphore("a line\nof its own").unwrap();
    assert_eq!((line.usage().unwrap().limit, line.longest_wait()), (2, Duration::from_secs(1)));
    assert!(registry().circuit_breaker("nobody's").is_none());
    assert!(registry().semaphore("partner").is_none(), "another kind");
}

#[tokio::test]
async fn a_bulkhead_that_is_shut_down_through_the_registry_takes_no_calls() {
    let _scope = resil::testing::isolated();
    let drawing = registry().bulkhead("drawing").unwrap();
    assert_eq!((drawing.label(), drawing.usage().unwrap().limit), ("drawing", 1));
    assert_eq!(registry().bulkheads().len(), 1);
    assert!(draw().await.is_ok());
    assert_eq!(drawing.shutdown(Duration::from_secs(1)).await.unwrap(), 0);
    assert!(matches!(draw().await, Err(resil::Error::BulkheadClosed { name: "drawing", .. })));
}

#[tokio::test(start_paused = true)]
async fn what_is_done_to_a_handle_reaches_the_annotated_calls() {
    let _scope = resil::testing::isolated();
    // Before the first call, so that nothing is ever sent.
    registry().circuit_breaker("partner").unwrap().force_open().unwrap();
    assert!(partner(true).await.is_err());
    registry().circuit_breaker("partner").unwrap().reset().unwrap();
    assert!(partner(true).await.is_ok());

    let unnamed_one = registry().circuit_breakers().into_iter().find(|one| one.name().is_none()).unwrap();
    assert!(unnamed_one.label().starts_with("registry::unnamed (tests/registry.rs:"), "{}", unnamed_one.label());
    unnamed_one.force_open().unwrap();
    let refused = unnamed().await.unwrap_err();
    assert!(refused.to_string().contains("registry::unnamed"), "{refused}");
    unnamed_one.reset().unwrap();
    assert!(unnamed().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn all_policies_are_listed_once_by_label_called_or_not() {
    static BY_HAND: resil::CircuitBreaker = resil::CircuitBreaker::named("by hand");
    let _scope = resil::testing::isolated();
    _ = partner(true).await;
    let all = labels();
    assert_eq!(all.len(), 3, "{all:?}");
    assert_eq!(all[..2], ["never called", "partner"]);
    drop(BY_HAND.admit());
    assert_eq!(labels()[0], "by hand");
    assert_eq!(registry().semaphores().len(), 1);
}

#[test]
fn every_call_site_is_listed_with_its_policies_outermost_first() {
    let sites = registry().call_sites();
    let functions: Vec<_> = sites.iter().map(|one| one.site().function).collect();
    assert_eq!(functions, ["registry::draw", "registry::never_called", "registry::partner", "registry::unnamed"]);

    let policies = sites[1].policies();
    let kinds: Vec<_> = policies.iter().map(Policy::kind).collect();
    assert_eq!(kinds, ["deadline", "retry", "circuit breaker", "semaphore", "timeout"]);
    let names: Vec<_> = policies.iter().filter_map(Policy::name).collect();
    assert_eq!(names, ["never called", "a line\nof its own"]);
    assert!(policies[1].settings().contains(&("budget", "\"shared\"".to_owned())));
    let breaker = policies[2].downcast_ref::<resil::CircuitBreaker>().expect("the handle itself");
    assert_eq!(breaker.name(), Some("never called"));
    assert!(policies[2].downcast_ref::<resil::Semaphore>().is_none());
    assert_eq!(policies[3].to_string(), "semaphore `a line\\nof its own`: permits = 2, max_wait = 1s");
    assert_eq!(policies[4].to_string(), "timeout: attempt = 5s, connect = 1s");
}

#[tokio::test(start_paused = true)]
async fn a_retry_budget_shows_what_is_left() {
    static RETRY: resil::Retry = resil::Retry::idempotent().budget("shared").base(Duration::ZERO);
    let _scope = resil::testing::isolated();
    let budget = registry().retry_budgets()[0];
    assert_eq!((budget.name, budget.tokens, budget.size), ("shared", 100, 100));
    assert!(RETRY.start().again(Some(resil::Verdict::transient())).is_some());
    assert_eq!(registry().retry_budgets()[0].tokens, 99);
}

#[tokio::test(start_paused = true)]
async fn tests_that_isolate_themselves_do_not_see_each_other() {
    let outer = resil::testing::isolated();
    let found_outside = registry().circuit_breaker("partner").unwrap();
    {
        let _inner = resil::testing::isolated();
        registry().circuit_breaker("partner").unwrap().force_open().unwrap();
        assert!(partner(true).await.is_err());
        assert_eq!(found_outside.snapshot().unwrap().state, CircuitState::Closed, "it stays where it was found");
    }
    assert!(partner(true).await.is_ok());
    drop(outer);
}

#[tokio::test(start_paused = true)]
async fn the_report_shows_everything_and_a_name_cannot_break_a_line() {
    let _scope = resil::testing::isolated();
    _ = partner(false).await;
    _ = partner(true).await;
    let report = registry().to_string();
    let line = |start: &str| report.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
    let cells =
        |start: &str| line(start).split("  ").map(str::trim).map(str::to_owned).filter(|c| !c.is_empty()).collect();
    let breaker: Vec<String> = cells("partner ");
    assert_eq!(breaker, ["partner", "Open", "1", "1", "0", "1", "1.0s"], "{report}");
    let semaphore: Vec<String> = cells("a line\\n");
    assert_eq!(semaphore, ["a line\\nof its own", "2", "0", "0"], "{report}");
    let budget: Vec<String> = cells("shared");
    assert_eq!(budget, ["shared", "100", "100"], "{report}");
    assert!(line("registry::never_called").contains("tests/registry.rs:"), "{report}");
    assert!(report.contains("\n    timeout: attempt = 5s, connect = 1s\n"), "{report}");
}
