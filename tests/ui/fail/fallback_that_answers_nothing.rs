use resil::{Error, Failure, fallback, timeout};

#[fallback]
async fn bare() -> Result<u32, Error> {
    Ok(1)
}

#[fallback(value = 1, with = instead)]
async fn two_forms() -> Result<u32, Error> {
    Ok(1)
}

#[fallback(stale = "10m")]
async fn stale_without_key() -> Result<u32, Error> {
    Ok(1)
}

#[fallback(key = 7)]
async fn key_without_stale() -> Result<u32, Error> {
    Ok(1)
}

#[fallback(stale = "0s", key = 7)]
async fn stale_for_no_time() -> Result<u32, Error> {
    Ok(1)
}

#[fallback(with = "instead")]
async fn path_in_quotes() -> Result<u32, Error> {
    Ok(1)
}

#[fallback(with = instead)]
async fn unnamed((a, b): (u32, u32)) -> Result<u32, Error> {
    Ok(a + b)
}

#[timeout("1s")]
#[fallback(value = 1)]
async fn below() -> Result<u32, Error> {
    Ok(1)
}

fn instead(_: Failure<Error>) -> Result<u32, Error> {
    Ok(2)
}

fn main() {}
