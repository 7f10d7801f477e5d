use resil::{Error, rate_limit, semaphore, timeout};

#[rate_limit]
async fn bare() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit(100)]
async fn a_number() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit("100")]
async fn without_a_unit() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit("100 per minute")]
async fn in_words() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit("0/s")]
async fn nothing() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit("5/0s")]
async fn in_no_time() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit("-5/s")]
async fn negative() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit("1000000001/s")]
async fn too_fast() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit(rate = "100/s")]
async fn under_a_name() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit(limit = 20, burst = 0)]
async fn under_another_name() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit("100/s", burst = 0, max_wait = 5, cost = 0)]
async fn out_of_range() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit("100/s", cost = "3")]
async fn in_quotes(items: u32) -> Result<u32, Error> {
    Ok(items)
}

#[rate_limit("100/s", cost = items)]
async fn of_another_type(items: u64) -> Result<u64, Error> {
    Ok(items)
}

#[rate_limit("100/s", max_keys = 10)]
async fn keys_of_nobody() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit("100/s")]
#[semaphore(permits = 1)]
async fn above_the_semaphore() -> Result<u32, Error> {
    Ok(1)
}

#[timeout("1s")]
#[rate_limit("100/s")]
async fn below_the_timeout() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit("100/s")]
async fn that_cannot_carry_a_failure() -> u32 {
    1
}

fn main() {}
