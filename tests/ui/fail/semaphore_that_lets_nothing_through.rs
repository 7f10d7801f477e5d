use resil::{Error, circuit_breaker, semaphore};

#[semaphore]
async fn bare() -> Result<u32, Error> {
    Ok(1)
}

#[semaphore(permits = 0)]
async fn zero() -> Result<u32, Error> {
    Ok(1)
}

#[semaphore(permits = -1, max_wait = "-1s")]
async fn negative() -> Result<u32, Error> {
    Ok(1)
}

#[semaphore(10)]
async fn without_a_name() -> Result<u32, Error> {
    Ok(1)
}

#[semaphore(permits = 1)]
#[circuit_breaker]
async fn above_the_breaker() -> Result<u32, Error> {
    Ok(1)
}

fn main() {}
