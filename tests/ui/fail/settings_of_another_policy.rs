use resil::policy::{bulkhead, retry, semaphore, timeout};
use resil::{Error, Settings, bulkhead, circuit_breaker, retry, semaphore, timeout};
use std::time::Duration;

const BANK: Settings = Settings::new();
const PATIENT: retry::Settings = retry::Settings::new();
const SHORT: timeout::Settings = timeout::Settings::new(Duration::from_secs(5));
const FEW: semaphore::Settings = semaphore::Settings::new(2);
const THREADS: bulkhead::Settings = bulkhead::Settings::new(2);

#[retry(idempotent, settings = BANK)]
async fn of_a_breaker() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(name = "bank", settings = PATIENT)]
async fn of_a_retry() -> Result<(), Error> {
    Ok(())
}

#[timeout("5s", settings = FEW)]
async fn of_a_semaphore() -> Result<(), Error> {
    Ok(())
}

#[semaphore(settings = SHORT)]
async fn of_a_timeout() -> Result<(), Error> {
    Ok(())
}

#[bulkhead(settings = MISSING)]
async fn of_nobody() -> Result<(), Error> {
    drop(THREADS);
    Ok(())
}

fn main() {}
