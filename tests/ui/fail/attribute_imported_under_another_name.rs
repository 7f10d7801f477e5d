use resil::retry as again;
use resil::{Error, circuit_breaker};

#[circuit_breaker]
#[again(idempotent)]
async fn renamed_below() -> Result<(), Error> {
    Ok(())
}

#[again(idempotent)]
#[circuit_breaker]
async fn renamed_above() -> Result<(), Error> {
    Ok(())
}

fn main() {}
