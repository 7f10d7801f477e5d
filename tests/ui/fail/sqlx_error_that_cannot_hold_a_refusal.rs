use resil::{circuit_breaker, timeout};

#[timeout("5s")]
async fn row() -> Result<u32, sqlx::Error> {
    Ok(1)
}

#[circuit_breaker]
#[timeout("5s")]
async fn rows() -> sqlx::Result<Vec<u32>> {
    Ok(vec![1])
}

fn main() {}
