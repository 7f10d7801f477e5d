use resil::{Error, circuit_breaker};

#[circuit_breaker(window = 10, min_calls = 20)]
async fn more_calls_than_the_window_holds() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(slow_rate = 0.5)]
async fn slow_without_a_measure() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(open_max = "5m")]
async fn most_without_growth() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(open_for = "60s", open_factor = 2.0, open_max = "30s")]
async fn most_below_the_least() -> Result<(), Error> {
    Ok(())
}

fn main() {}
