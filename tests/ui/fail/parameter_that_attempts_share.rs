use resil::{Error, retry};
use std::cell::Cell;

#[retry(idempotent)]
async fn charge(counter: Cell<u32>) -> Result<u32, Error> {
    fetch().await?;
    Ok(counter.get())
}

#[retry(idempotent)]
async fn notify(callback: Box<dyn Fn() + Send>) -> Result<u32, Error> {
    fetch().await?;
    callback();
    Ok(1)
}

async fn fetch() -> Result<u32, Error> {
    Ok(1)
}

fn main() {
    tokio::spawn(charge(Cell::new(1)));
    tokio::spawn(notify(Box::new(|| ())));
}
