use resil::{Error, circuit_breaker, deadline, fallback, retry, timeout};

#[retry(idempotent, atempts = 5)]
async fn nearly_an_argument_of_retry() -> Result<(), Error> {
    Ok(())
}

#[retry(unsent, colour = "red")]
async fn nothing_like_an_argument_of_retry() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(failure_ratio = 0.5)]
async fn nearly_an_argument_of_circuit_breaker() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(open_for = "30s", threshold = 5)]
async fn nothing_like_an_argument_of_circuit_breaker() -> Result<(), Error> {
    Ok(())
}

#[timeout("5s", conect = "1s")]
async fn nearly_an_argument_of_timeout() -> Result<(), Error> {
    Ok(())
}

#[timeout("5s", attempts = 3)]
async fn an_argument_of_another_attribute() -> Result<(), Error> {
    Ok(())
}

#[deadline(after = "30s")]
async fn deadline_takes_its_bound_alone() -> Result<(), Error> {
    Ok(())
}

#[fallback(late)]
async fn a_function_without_its_argument() -> Result<(), Error> {
    Ok(())
}

fn main() {}
