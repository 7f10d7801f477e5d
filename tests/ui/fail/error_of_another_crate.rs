use resil::{circuit_breaker, retry, timeout};

/// Stands in for the module of a database driver.
mod sqlx {
    #[derive(Debug)]
    pub struct Error;
}

#[timeout("5s")]
async fn page() -> Result<u32, reqwest::Error> {
    Ok(1)
}

#[circuit_breaker]
async fn text() -> Result<u32, std::fmt::Error> {
    Ok(1)
}

#[retry(idempotent)]
#[timeout("5s")]
async fn row() -> Result<u32, sqlx::Error> {
    Ok(1)
}

fn main() {}
