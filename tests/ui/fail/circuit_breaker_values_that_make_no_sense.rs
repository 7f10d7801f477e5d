use resil::{Error, circuit_breaker};

#[circuit_breaker(failure_rate = 50, slow_rate = 80.0)]
async fn percentages() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(failure_rate = -1, slow_rate = -0.1)]
async fn rates_below_zero() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(failure_rate = 1.1, slow_rate = 0.0)]
async fn rates_that_are_never_reached() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(failure_rate = "half", slow_rate = "50%")]
async fn rates_in_quotes() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(window = 0, min_calls = 0, half_open_calls = 0)]
async fn zero_calls() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(slow_call = "0s", open_for = "0ms", open_max = "0s", half_open_max_wait = "0s")]
async fn zero_time() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(window = -100, min_calls = -20, half_open_calls = -5)]
async fn negative_calls() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(slow_call = "-2s", open_for = -30)]
async fn negative_time() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(window = "60", slow_call = "2", open_for = 30, half_open_max_wait = 1.5)]
async fn time_without_its_unit() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(window = 60s, slow_call = 1.5s, min_calls = 20x, failure_rate = 0.5f)]
async fn units_without_quotes() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(window = "0s")]
async fn window_of_no_time() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(window = 1_000_000)]
async fn window_of_too_many_calls() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(open_for = "30 sec", slow_call = "2 parsecs")]
async fn time_in_other_units() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(min_calls = "twenty", half_open_calls = 2.5, open_factor = 0.5)]
async fn numbers_of_another_kind() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(name = 5, open_factor = "double")]
async fn values_of_another_type() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(name = "", failure_if = "is_pending")]
async fn quotes_in_the_wrong_place() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(name, min_calls, slow_call("2s"))]
async fn arguments_without_a_value() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker("payment")]
async fn a_name_by_itself() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(window = |calls| calls, open_for = ["5s"], min_calls = (-1), slow_rate = 0.1..0.2)]
async fn what_is_no_constant() -> Result<(), Error> {
    Ok(())
}

fn main() {}
