#![deny(warnings)]
#![forbid(unsafe_code)]

use resil::{Error, circuit_breaker, deadline, retry, timeout};
use std::fmt::{Debug, Display};
use std::pin::pin;
use std::sync::Arc;

#[derive(Default)]
struct Gateway {
    calls: u32,
}

impl Gateway {
    #[retry(idempotent)]
    #[circuit_breaker]
    #[timeout("5s")]
    async fn shared(&self, order: &str) -> Result<usize, Error> {
        Ok(order.len() + self.calls as usize)
    }

    #[retry(idempotent)]
    #[timeout("5s")]
    async fn exclusive(&mut self) -> Result<u32, Error> {
        self.calls += 1;
        Ok(self.calls)
    }

    #[timeout("5s")]
    async fn owned(self) -> Result<u32, Error> {
        Ok(self.calls)
    }

    #[retry(idempotent)]
    #[circuit_breaker]
    async fn counted(self: Arc<Self>) -> Result<u32, Error> {
        Ok(self.calls)
    }

    #[deadline("5s")]
    async fn borrowed<'a>(&'a self, name: &'a str) -> Result<&'a str, Error> {
        Ok(if self.calls == 0 { name } else { "" })
    }
}

#[retry(idempotent)]
#[circuit_breaker]
#[timeout("5s")]
async fn generic<T, const N: usize>(items: [T; N]) -> Result<String, Error>
where
    T: Debug + Clone,
{
    Ok(format!("{:?} of {N}", items.clone()))
}

#[retry(idempotent)]
#[timeout("5s")]
async fn impl_trait(items: impl Iterator<Item = u32> + Clone) -> Result<impl Display, Error> {
    Ok(items.clone().sum::<u32>())
}

#[retry(idempotent)]
#[circuit_breaker]
async fn pattern((left, right): (u32, u32), [first, ..]: [u32; 2], _: &str) -> Result<u32, Error> {
    Ok(left + right + first)
}

/// Names as our own locals have them.
#[deadline("5s")]
#[retry(idempotent)]
#[circuit_breaker]
#[timeout("5s")]
async fn locals(retry: u32, outcome: u32, attempt: u32, delay: u32, pass: u32, timeout: u32) -> Result<u32, Error> {
    Ok(retry + outcome + attempt + delay + pass + timeout)
}

trait Payments {
    fn name(&self) -> String;

    #[retry(idempotent)]
    #[timeout("5s")]
    fn with_a_body(&self) -> impl Future<Output = Result<String, Error>> + Send
    where
        Self: Sync,
    {
        async move { Ok(self.name()) }
    }

    fn promised(&self, order: u64) -> impl Future<Output = Result<u64, Error>> + Send;
}

impl Payments for Gateway {
    fn name(&self) -> String {
        "gateway".to_owned()
    }

    #[retry(idempotent)]
    #[circuit_breaker]
    #[timeout("5s")]
    async fn promised(&self, order: u64) -> Result<u64, Error> {
        tokio::task::yield_now().await;
        Ok(order)
    }
}

#[async_trait::async_trait]
trait Boxed {
    async fn status(&self, order: u64) -> Result<u64, Error>;
}

#[async_trait::async_trait]
impl Boxed for Gateway {
    #[retry(idempotent)]
    #[timeout("5s")]
    async fn status(&self, order: u64) -> Result<u64, Error> {
        Ok(order + u64::from(self.calls))
    }
}

fn sent<F: Future + Send>(future: F) -> F {
    future
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut gateway = Gateway::default();
    assert_eq!(sent(gateway.shared("four")).await.unwrap(), 4);
    assert_eq!(sent(gateway.exclusive()).await.unwrap(), 1);
    assert_eq!(gateway.borrowed("name").await.unwrap(), "");
    assert_eq!(sent(gateway.promised(7)).await.unwrap(), 7);
    assert_eq!(sent(gateway.with_a_body()).await.unwrap(), "gateway");
    assert_eq!(sent(Boxed::status(&gateway, 7)).await.unwrap(), 8);
    assert_eq!(gateway.owned().await.unwrap(), 1);
    assert_eq!(Arc::new(Gateway::default()).counted().await.unwrap(), 0);
    assert_eq!(generic([1, 2]).await.unwrap(), "[1, 2] of 2");
    assert_eq!(impl_trait(0..4).await.unwrap().to_string(), "6");
    assert_eq!(pin!(pattern((1, 2), [3, 4], "")).await.unwrap(), 6);
    assert_eq!(tokio::spawn(locals(1, 2, 3, 4, 5, 6)).await.unwrap().unwrap(), 21);
}
