//! `#[non_idempotent]` changes the type of a function's future, and nothing else about the function.
#![deny(warnings)]
#![allow(dead_code)]

use resil::{Error, NonIdempotent, circuit_breaker, deadline, non_idempotent, retry, timeout};
use std::future::Future;
use std::sync::Arc;

struct Bank {
    name: String,
}

struct Order(u64);

#[non_idempotent]
async fn plain() {}

#[non_idempotent]
pub async fn without_a_result(order: Order) -> u64 {
    order.0
}

#[non_idempotent]
async fn patterns((left, _): (u64, Order), Order(id): &Order, _: Order, mut sum: u64, [first, ..]: [u64; 2]) -> u64 {
    sum += left + *id + first;
    sum
}

#[non_idempotent]
async fn generic<'a, T: Clone + Send + 'a, const N: usize>(all: &'a [T; N], each: impl Fn(&T)) -> Option<&'a T>
where
    T: Sync,
{
    all.iter().for_each(each);
    all.first()
}

#[non_idempotent]
async fn opaque(text: &str) -> Result<impl Iterator<Item = char>, Error> {
    Ok(text.chars())
}

#[non_idempotent]
fn promised(order: &Order) -> impl Future<Output = u64> + Send {
    let id = order.0;
    async move { id }
}

#[non_idempotent]
#[retry(unsent)]
#[circuit_breaker(name = "bank")]
#[timeout("1s")]
async fn guarded(bank: &Bank, order: Order) -> Result<u64, Error> {
    Ok(order.0 + bank.name.len() as u64)
}

impl Bank {
    #[non_idempotent]
    #[deadline("1s")]
    async fn by_reference(&self, order: &Order) -> Result<u64, Error> {
        Ok(order.0 + self.name.len() as u64)
    }

    #[non_idempotent]
    async fn by_mutable_reference(&mut self, name: &str) -> &str {
        self.name.push_str(name);
        &self.name
    }

    #[non_idempotent]
    async fn by_value(self: Arc<Self>) {}

    #[non_idempotent]
    async fn recursive(&self, depth: u32) -> u32 {
        if depth == 0 { 0 } else { Box::pin(self.recursive(depth - 1)).await + 1 }
    }
}

trait Gateway {
    #[non_idempotent]
    async fn charge(&self, order: &Order) -> Result<u64, Error>;

    #[non_idempotent]
    fn refund(&self, order: &Order) -> impl Future<Output = Result<u64, Error>> + Send;

    #[non_idempotent]
    async fn twice(&self, order: &Order) -> Result<u64, Error> {
        Ok(self.charge(order).await? + self.charge(order).await?)
    }
}

impl Gateway for Bank {
    #[non_idempotent]
    async fn charge(&self, order: &Order) -> Result<u64, Error> {
        Ok(order.0 + self.name.len() as u64)
    }

    #[non_idempotent]
    #[timeout("1s")]
    async fn refund(&self, order: &Order) -> Result<u64, Error> {
        Ok(order.0)
    }
}

// A repeat under a key, or of what was never sent, does nothing twice.

#[retry(unsent)]
async fn at_most_once(bank: &Bank, order: &Order) -> Result<u64, Error> {
    bank.charge(order).await
}

#[retry(idempotency_key = key)]
async fn under_a_key(bank: &Bank, order: &Order, key: &resil::IdempotencyKey) -> Result<u64, Error> {
    bank.charge(order).await.map(|won| won + key.as_str().len() as u64)
}

fn sends<T: Send>(of: T) -> T {
    of
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        plain().await;
        assert_eq!(without_a_result(Order(7)).await, 7);
        assert_eq!(patterns((1, Order(0)), &Order(2), Order(0), 3, [4, 0]).await, 10);
        assert_eq!(generic(&[1, 2], |_| ()).await, Some(&1));
        assert_eq!(opaque("ab").await.unwrap().count(), 2);
        assert_eq!(promised(&Order(7)).await, 7);
        let bank = Arc::new(Bank { name: "bank".to_owned() });
        let marked: NonIdempotent<_> = guarded(&bank, Order(7));
        assert_eq!(sends(marked).await.unwrap(), 11);
        assert_eq!(tokio::spawn({ let bank = Arc::clone(&bank); async move { bank.by_reference(&Order(7)).await } }).await.unwrap().unwrap(), 11);
        assert_eq!(bank.twice(&Order(1)).await.unwrap(), 10);
        assert_eq!(bank.refund(&Order(1)).await.unwrap(), 1);
        assert_eq!(bank.recursive(3).await, 3);
        assert_eq!(at_most_once(&bank, &Order(7)).await.unwrap(), 11);
        Arc::clone(&bank).by_value().await;
        let mut other = Bank { name: "other".to_owned() };
        assert_eq!(other.by_mutable_reference(" bank").await, "other bank");
    });
}
