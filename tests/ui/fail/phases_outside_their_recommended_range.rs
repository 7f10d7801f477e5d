#![deny(deprecated)] // a warning otherwise

use resil::{Error, timeout};
use std::time::Duration;

const KNOWN_LATER: Duration = Duration::from_millis(1);

#[timeout("60s", connect = "100ms", read = "45s")]
async fn both() -> Result<(), Error> {
    Ok(())
}

#[timeout("60s", connect = "1s", read = "30s")]
async fn at_the_edges() -> Result<(), Error> {
    Ok(())
}

#[timeout("60s", connect = "5s", read = "5s")]
async fn at_the_other_edges() -> Result<(), Error> {
    Ok(())
}

#[timeout("60s", connect = "100ms", read = "45s", allow(range))]
async fn meant() -> Result<(), Error> {
    Ok(())
}

#[timeout("60s", connect = KNOWN_LATER)]
async fn a_constant() -> Result<(), Error> {
    Ok(())
}

fn main() {}
