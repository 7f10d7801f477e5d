//! One set of settings for several functions.

use resil::{CircuitBreaker, CircuitState, Error, Settings, Window, circuit_breaker};
use std::io;
use std::time::Duration;

const BANK: Settings = Settings {
    window: Window::Calls(2),
    min_calls: 2,
    slow_call: Some(Duration::from_secs(1)),
    open_for: Duration::from_secs(60),
    ..Settings::new()
};

#[circuit_breaker(name = "bank", settings = BANK)]
async fn balance() -> io::Result<()> {
    Err(io::ErrorKind::TimedOut.into())
}

#[circuit_breaker(name = "bank", settings = BANK)]
async fn transfer() -> io::Result<()> {
    Err(io::ErrorKind::TimedOut.into())
}

/// What belongs to `slow_call` is in the set.
#[circuit_breaker(settings = BANK, slow_rate = 0.5, open_for = "1s", open_max = "5m")]
async fn with_more() -> Result<(), Error> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn functions_that_share_them_share_a_circuit() {
    static BY_HAND: CircuitBreaker = CircuitBreaker::named("bank").settings(BANK);
    let _scope = resil::testing::isolated();
    resil::check().unwrap();
    assert!(balance().await.is_err() && transfer().await.is_err());
    assert_eq!(BY_HAND.snapshot().unwrap().state, CircuitState::Open);
    with_more().await.unwrap();
}

#[test]
fn what_is_written_beside_them_counts() {
    let sites = resil::registry().call_sites();
    let shown = sites.iter().map(ToString::to_string).find(|site| site.contains("with_more")).unwrap();
    for setting in ["window = 2", "slow_call = 1s", "slow_rate = 0.5", "open_for = 1s"] {
        assert!(shown.contains(setting), "{shown}");
    }
}
