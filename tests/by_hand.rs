//! Policies made by hand, on the stack or the heap: each has a state of its own, which ends with it.

use resil::{CircuitBreaker, CircuitState, Error, Fallback, Retry, Semaphore, Verdict, registry};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

fn last_good(value: Option<u32>) -> Option<u32> {
    let fallback = Fallback::stale(HOUR);
    let last = fallback.last_good("EUR");
    value.inspect(|value| last.keep(value));
    last.get()
}

#[test]
fn a_fallback_on_the_stack_has_no_value_of_the_one_before() {
    assert_eq!(last_good(Some(7)), Some(7));
    assert_eq!(last_good(None), None, "another fallback, at the same address");
}

fn repeats(most: u32) -> usize {
    let retry = Box::new(Retry::idempotent().attempts(most + 1).base(Duration::ZERO));
    let mut attempts = retry.start();
    (0..most).take_while(|_| attempts.again(Some(Verdict::transient())).is_some()).count()
}

#[tokio::test(start_paused = true)]
async fn a_retry_on_the_heap_has_a_full_budget() {
    let _scope = resil::testing::isolated();
    assert_eq!(repeats(200), 100, "the whole budget");
    assert_eq!(repeats(50), 50, "a budget of its own");
}

#[test]
fn a_handle_that_is_moved_keeps_its_state() {
    let breaker = CircuitBreaker::unnamed();
    breaker.force_open().unwrap();
    let moved = Box::new(breaker);
    assert_eq!(moved.snapshot().unwrap().state, CircuitState::ForcedOpen);
    let other = CircuitBreaker::unnamed();
    assert_eq!(other.snapshot().unwrap().state, CircuitState::Closed);
}

#[test]
fn an_operator_sees_a_handle_as_long_as_it_lives() {
    let label = "a policy made by hand";
    let shown = || registry().semaphores().iter().filter(|one| one.label() == label).count();
    let before = shown();
    let first = Semaphore::new(1);
    let second = Semaphore::new(2);
    assert!(first.usage().is_ok() && second.usage().is_ok());
    assert_eq!(shown(), before + 2);
    let found = registry().semaphores().into_iter().find(|one| one.usage().unwrap().limit == 2).unwrap();
    drop((first, second));
    assert_eq!(shown(), before);
    assert_eq!(found.usage().unwrap().limit, 2, "whoever holds it still can");
}

#[test]
fn names_are_shared_and_outlive_their_handles() {
    CircuitBreaker::named("by hand").force_open().unwrap();
    let again = CircuitBreaker::named("by hand");
    assert!(matches!(again.admit(), Err(Error::CircuitOpen { name: "by hand", .. })));
}

#[tokio::test]
async fn a_key_of_a_table_on_the_stack_is_lent_and_given_back() {
    let breakers = CircuitBreaker::unnamed().keyed(2);
    let acme = breakers.of("acme").unwrap();
    acme.force_open().unwrap();
    assert!(breakers.admit("acme").is_err());
    assert!(breakers.admit("other").is_ok());
    drop(breakers);
    assert_eq!(acme.snapshot().unwrap().state, CircuitState::ForcedOpen, "it outlives the table");
    let next = CircuitBreaker::unnamed().keyed(2);
    assert!(next.admit("acme").is_ok(), "another table");
}

#[test]
fn a_fallback_that_is_dropped_drops_what_it_kept() {
    let value = std::sync::Arc::new(());
    let fallback = Fallback::stale(HOUR);
    fallback.last_good("a").keep(&value);
    assert_eq!(std::sync::Arc::strong_count(&value), 2);
    drop(fallback);
    assert_eq!(std::sync::Arc::strong_count(&value), 1);
}

#[test]
fn what_a_test_has_kept_ends_with_it() {
    /// Asks for what was kept when it is dropped.
    #[derive(Clone)]
    struct Asks(#[expect(dead_code, reason = "counted")] std::sync::Arc<()>);
    impl Drop for Asks {
        fn drop(&mut self) {
            _ = KEPT.last_good("b").get::<u32>();
        }
    }
    static KEPT: Fallback = Fallback::stale(HOUR);
    let value = std::sync::Arc::new(());
    let scope = resil::testing::isolated();
    KEPT.last_good("a").keep(&Asks(std::sync::Arc::clone(&value)));
    assert_eq!(std::sync::Arc::strong_count(&value), 2);
    drop(scope);
    assert_eq!(std::sync::Arc::strong_count(&value), 1);
}

#[test]
fn handles_that_look_alike_are_a_line_each() {
    let _scope = resil::testing::isolated();
    let semaphores: Vec<_> = (0..10).map(|_| Semaphore::new(5)).collect();
    assert!(semaphores.iter().all(|semaphore| semaphore.usage().is_ok()));
    let report = registry().to_string();
    assert_eq!(report.lines().filter(|line| line.starts_with("a policy made by hand")).count(), 10, "{report}");
}
