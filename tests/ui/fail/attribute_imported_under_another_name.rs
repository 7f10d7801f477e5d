use resil::retry as again;
use resil::{Error, circuit_breaker};

#[circuit_breaker]
#[again(idempotent)]
async fn renamed_below() -> Result<(), Error> {
    Ok(())
}

fn main() {}
