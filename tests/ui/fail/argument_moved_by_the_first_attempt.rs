use resil::{Error, circuit_breaker, retry, timeout};

struct Order {
    id: u64,
}

async fn send(order: Order) -> Result<u64, Error> {
    Ok(order.id)
}

#[retry(idempotent)]
#[circuit_breaker]
#[timeout("5s")]
async fn place(order: Order, note: String) -> Result<u64, Error> {
    drop(note);
    send(order).await
}

fn main() {}
