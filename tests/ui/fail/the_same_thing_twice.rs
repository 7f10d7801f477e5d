use resil::{Error, circuit_breaker, retry, timeout};

#[retry(idempotent, attempts = 3, attempts = 5)]
async fn argument() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(name = "a", failure_rate = 0.5, name = "b")]
async fn name() -> Result<(), Error> {
    Ok(())
}

#[timeout("5s")]
#[timeout("3s")]
async fn attribute() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent)]
#[timeout("3s")]
#[retry(unsent)]
async fn attribute_at_a_distance() -> Result<(), Error> {
    Ok(())
}

fn main() {}
