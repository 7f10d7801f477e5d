use resil::{Error, Failure, fallback};

struct Unique;

#[fallback(value = "one")]
async fn value() -> Result<u32, Error> {
    Ok(1)
}

#[fallback(with = answers_text)]
async fn answer() -> Result<u32, Error> {
    Ok(1)
}

#[fallback(with = takes_nothing)]
async fn arity(_order: u32) -> Result<u32, Error> {
    Ok(1)
}

#[fallback(with = of_another_error)]
async fn failure() -> Result<u32, Error> {
    Ok(1)
}

#[fallback(stale = "10m", key = "all")]
async fn kept() -> Result<Unique, Error> {
    Ok(Unique)
}

fn answers_text(_: Failure<Error>) -> String {
    String::new()
}

fn takes_nothing() -> Result<u32, Error> {
    Ok(2)
}

fn of_another_error(_: Failure<std::io::Error>) -> Result<u32, Error> {
    Ok(2)
}

fn main() {}
