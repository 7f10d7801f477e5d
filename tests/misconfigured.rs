//! Two settings under one name, and settings out of range: found at start by `check()`, refused at the first call
//! without it. This program is misconfigured on purpose.

use resil::policy::{bulkhead, retry, semaphore, timeout};
use resil::{CircuitBreaker, Error, bulkhead, circuit_breaker, deadline, fallback, retry, semaphore, timeout};
use std::cell::Cell;
use std::time::Duration;

mod shop {
    use super::*;

    #[circuit_breaker(name = "payment", failure_rate = 0.5)]
    pub async fn pay(runs: &Cell<u32>) -> Result<(), Error> {
        runs.set(runs.get() + 1);
        Ok(())
    }
}

mod back_office {
    use super::*;

    #[circuit_breaker(name = "payment", failure_rate = 0.3, open_for = "10s")]
    pub async fn refund(runs: &Cell<u32>) -> Result<(), Error> {
        runs.set(runs.get() + 1);
        Ok(())
    }
}

mod never_called {
    use super::*;

    const NOTHING: u32 = 0;
    const PERCENT: f64 = 50.0;

    #[circuit_breaker(name = "zero", window = NOTHING, failure_rate = PERCENT)]
    pub async fn zero<T: Send>(_value: T) -> Result<(), Error> {
        Ok(())
    }
}

mod beyond_a_deadline {
    use super::*;

    const TOO_LONG: Duration = Duration::from_secs(20);
    const MANY: u32 = u32::MAX;
    const NEVER: Duration = Duration::ZERO;

    #[deadline("15s")]
    #[timeout(TOO_LONG, connect = TOO_LONG)]
    async fn bound_by_a_constant() -> Result<(), Error> {
        Ok(())
    }

    #[deadline(TOO_LONG)]
    #[timeout("5s", read = "21s")]
    async fn deadline_by_a_constant() -> Result<(), Error> {
        Ok(())
    }

    #[deadline("15s")]
    #[retry(idempotent, attempts = MANY, jitter = "none")]
    async fn waits() -> Result<(), Error> {
        Ok(())
    }

    #[deadline(NEVER)]
    #[timeout(TOO_LONG)]
    async fn deadline_of_zero() -> Result<(), Error> {
        Ok(())
    }

    #[fallback(stale = NEVER, key = 1)]
    async fn kept_for_no_time() -> Result<(), Error> {
        Ok(())
    }

    #[deadline(TOO_LONG)]
    #[retry(idempotent, attempts = MANY)]
    #[timeout(TOO_LONG)]
    async fn fits() -> Result<(), Error> {
        Ok(())
    }
}

mod in_a_set {
    use super::*;

    const IMPATIENT: retry::Settings =
        retry::Settings { attempts: 0, factor: 0.5, retry_status: &[200, 429, 600], ..retry::Settings::new() };
    const AT_ONCE: timeout::Settings =
        timeout::Settings { read: Some(Duration::ZERO), ..timeout::Settings::new(Duration::from_secs(5)) };
    const NONE: semaphore::Settings = semaphore::Settings::new(0);
    const CROWD: bulkhead::Settings = bulkhead::Settings { max_wait: Duration::ZERO, ..bulkhead::Settings::new(513) };

    #[retry(idempotent, settings = IMPATIENT)]
    async fn retried() -> Result<(), Error> {
        Ok(())
    }

    #[retry(idempotent, settings = IMPATIENT, attempts = 2, factor = 1.5, retry_status = [])]
    async fn written_beside_it() -> Result<(), Error> {
        Ok(())
    }

    #[timeout(settings = AT_ONCE)]
    async fn bounded() -> Result<(), Error> {
        Ok(())
    }

    #[semaphore(settings = NONE)]
    pub async fn limited() -> Result<(), Error> {
        Ok(())
    }

    #[bulkhead(settings = CROWD)]
    pub async fn apart() -> Result<(), Error> {
        Ok(())
    }
}

#[circuit_breaker(name = "fine")]
async fn fine() -> Result<(), Error> {
    Ok(())
}

#[test]
fn check_finds_every_problem_of_the_program() {
    let problems = resil::check().unwrap_err();
    let of = |part: &str| {
        let mut all = problems.problems().iter().filter(|problem| problem.contains(part));
        let first = all.next().unwrap_or_else(|| panic!("{part}: {problems:#?}"));
        assert!(all.next().is_none(), "{part}: {problems:#?}");
        first
    };
    assert_eq!(problems.problems().len(), 11, "{problems:#?}");
    let bound = of("beyond_a_deadline::bound_by_a_constant");
    assert!(bound.contains("attempt bound of 20s and its `connect` of 20s") && bound.contains("\"15s\""), "{bound}");
    let bound = of("beyond_a_deadline::deadline_by_a_constant");
    assert!(bound.contains("its `read` of 21s") && bound.contains("\"20s\""), "{bound}");
    assert!(of("beyond_a_deadline::waits").contains("does not fit in the deadline of 15s"));
    assert!(of("beyond_a_deadline::deadline_of_zero").contains("is zero"));
    assert!(of("beyond_a_deadline::kept_for_no_time").contains("write `stale = \"10m\"`"));
    let retried = of("in_a_set::retried");
    for part in ["`attempts = 0`", "`factor = 0.5`", "`retry_status = [200]`", "`retry_status = [600]`"] {
        assert!(retried.contains(part), "{part}: {retried}");
    }
    assert!(of("in_a_set::bounded").contains("is zero"));
    assert!(of("in_a_set::limited").contains("`permits = 0`"));
    let apart = of("in_a_set::apart");
    assert!(apart.contains("`threads = 513`") && apart.contains("`max_wait = \"0s\"`"), "{apart}");
    let (zero, payment) = (of("`zero`"), of("`payment`"));
    for part in ["`payment`", "misconfigured::shop::pay", "misconfigured::back_office::refund"] {
        assert!(payment.contains(part), "{payment}");
    }
    assert!(payment.contains("failure_rate = 0.5 or 0.3") && payment.contains("open_for = 30s or 10s"), "{payment}");
    for part in ["`zero`", "never_called::zero", "window", "failure_rate"] {
        assert!(zero.contains(part), "{zero}");
    }
}

#[tokio::test]
async fn without_check_either_site_refuses_its_first_call_and_names_both() {
    let runs = Cell::new(0);
    for outcome in [shop::pay(&runs).await, back_office::refund(&runs).await] {
        let Err(Error::Misconfigured(what)) = outcome else { panic!("{outcome:?}") };
        let text = what.to_string();
        assert!(text.contains("shop::pay") && text.contains("back_office::refund"), "{text}");
    }
    assert_eq!(runs.get(), 0, "nothing ran");
    for outcome in [in_a_set::limited().await, in_a_set::apart().await] {
        assert!(matches!(outcome, Err(Error::Misconfigured(_))), "{outcome:?}");
    }
    fine().await.unwrap();
}

#[test]
fn a_handle_made_by_hand_must_agree_with_the_name_too() {
    static FIRST: CircuitBreaker = CircuitBreaker::named("by hand");
    static SECOND: CircuitBreaker = CircuitBreaker::named("by hand").min_calls(7);
    static NONSENSE: CircuitBreaker = CircuitBreaker::named("nonsense").failure_rate(f64::NAN);
    assert!(FIRST.admit().is_ok());
    assert!(matches!(SECOND.admit(), Err(Error::Misconfigured(_))));
    let Err(Error::Misconfigured(what)) = NONSENSE.admit() else { panic!("NaN is no rate") };
    assert!(what.to_string().contains("failure_rate"), "{what}");
}

#[test]
fn the_registry_shows_a_contradiction_once_and_changes_nothing() {
    let _scope = resil::testing::isolated();
    let payment = resil::registry().circuit_breaker("payment").unwrap();
    let Err(Error::Misconfigured(what)) = payment.force_open() else { panic!("two settings") };
    assert!(what.to_string().contains("shop::pay"), "{what}");
    let labels: Vec<_> = resil::registry().circuit_breakers().iter().map(CircuitBreaker::label).collect();
    assert_eq!(labels, ["fine", "payment", "zero"]);
    let report = resil::registry().to_string();
    assert!(report.lines().any(|line| line.split_whitespace().eq(["payment", "misconfigured"])), "{report}");
}
