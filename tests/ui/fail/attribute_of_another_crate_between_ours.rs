use resil::{Error, circuit_breaker, retry, timeout};
use tracing::instrument;

#[retry(idempotent)]
#[instrument(skip_all)]
#[circuit_breaker]
#[timeout("5s")]
async fn status() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent)]
#[tracing::instrument]
#[timeout("5s")]
async fn balance() -> Result<(), Error> {
    Ok(())
}

fn main() {}
