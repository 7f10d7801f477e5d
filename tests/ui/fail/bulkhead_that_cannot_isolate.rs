use resil::{Error, IdempotencyKey, bulkhead, circuit_breaker, retry, semaphore, timeout};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

#[bulkhead]
async fn no_threads() -> Result<(), Error> {
    Ok(())
}

#[bulkhead(4)]
async fn a_number_alone() -> Result<(), Error> {
    Ok(())
}

#[bulkhead(threads = 0, max_concurrent = 0, queue = 0, max_wait = "0s")]
async fn zeros() -> Result<(), Error> {
    Ok(())
}

#[bulkhead(threads = 1000)]
async fn too_many() -> Result<(), Error> {
    Ok(())
}

#[bulkhead(threads = 1, permits = 4)]
async fn of_a_semaphore() -> Result<(), Error> {
    Ok(())
}

#[semaphore(permits = 4)]
#[bulkhead(threads = 1)]
async fn both() -> Result<(), Error> {
    Ok(())
}

#[timeout("1s")]
#[bulkhead(threads = 1)]
#[circuit_breaker]
async fn out_of_order() -> Result<(), Error> {
    Ok(())
}

struct Shop;

impl Shop {
    #[bulkhead(threads = 1)]
    async fn borrows_self(&self) -> Result<(), Error> {
        Ok(())
    }

    #[bulkhead(threads = 1)]
    async fn borrows_an_arc(self: &Arc<Self>) -> Result<(), Error> {
        Ok(())
    }
}

#[bulkhead(threads = 1)]
async fn borrows(_name: &str, _items: &[u32], _shop: &Shop, _text: Cow<'_, str>, _: &'static str) -> Result<(), Error> {
    Ok(())
}

#[retry(idempotency_key = key)]
#[bulkhead(threads = 1)]
async fn borrows_its_key(key: &IdempotencyKey) -> Result<(), Error> {
    Err(Error::MissingKey { method: key.as_str().len().to_string().leak() })
}

#[bulkhead(threads = 1)]
async fn stays_on_its_thread(shop: Rc<Shop>) -> Result<(), Error> {
    drop(shop);
    Ok(())
}

#[retry(idempotent)]
#[bulkhead(threads = 1)]
async fn cannot_be_cloned(shop: Shop) -> Result<(), Error> {
    drop(shop);
    Ok(())
}

fn main() {}
