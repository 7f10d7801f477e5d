use resil::policy::{retry, semaphore};
use resil::{Error, retry, semaphore, timeout};

const PATIENT: retry::Settings = retry::Settings::new();
const FEW: semaphore::Settings = semaphore::Settings::new(2);

#[retry(settings = PATIENT)]
async fn without_a_proof() -> Result<(), Error> {
    Ok(())
}

#[semaphore(settings = "FEW")]
async fn in_quotes() -> Result<(), Error> {
    Ok(())
}

#[semaphore(settings = FEW, max_keys = 10)]
async fn keys_without_a_key() -> Result<(), Error> {
    Ok(())
}

#[timeout(settings = limit)]
async fn by_a_parameter(limit: u64) -> Result<(), Error> {
    Ok(())
}

#[semaphore(settings = FEW, settings = FEW)]
async fn twice() -> Result<(), Error> {
    Ok(())
}

#[timeout("5s", settings = 7)]
async fn a_number() -> Result<(), Error> {
    Ok(())
}

fn main() {}
