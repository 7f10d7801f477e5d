use resil::{Error, fallback};

#[fallback(with = |_failure| Ok(1385.0))]
async fn of_the_failure() -> Result<f64, Error> {
    Ok(1390.0)
}

#[fallback(with = |from: &String, error| async move { Ok(1385.0) })]
async fn of_two(from: String) -> Result<f64, Error> {
    Ok(from.len() as f64)
}

#[fallback(with = cached_rate())]
async fn called() -> Result<f64, Error> {
    Ok(1390.0)
}

#[fallback(|_failure| Ok(1385.0))]
async fn by_itself() -> Result<f64, Error> {
    Ok(1390.0)
}

fn main() {}
