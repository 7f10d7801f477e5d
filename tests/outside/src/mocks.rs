//! Traits that macros of other crates rewrite.
#![allow(refining_impl_trait)]

use crate::functions::Answer;
use resil::{deadline, non_idempotent, outside_transaction, retry, timeout, NonIdempotent, OutsideTransaction};
use std::future::Future;
use std::pin::Pin;

type Boxed<T> = Pin<Box<dyn Future<Output = Answer<T>> + Send>>;

trait Marked {
    #[outside_transaction]
    #[non_idempotent]
    fn charge(&self, won: u64) -> impl Future<Output = Answer<u64>> + Send;

    async fn status(&self) -> Answer<u64>;
}

mockall::mock! {
    Bank {}

    impl Marked for Bank {
        fn charge(&self, won: u64) -> OutsideTransaction<NonIdempotent<Boxed<u64>>>;

        async fn status(&self) -> Answer<u64>;
    }
}

#[mockall::automock]
trait Plain {
    async fn status(&self) -> Answer<u64>;
}

struct Real;

impl Plain for Real {
    #[retry(idempotent)]
    #[timeout("5s")]
    async fn status(&self) -> Answer<u64> {
        Ok(7)
    }
}

#[trait_variant::make(Send)]
trait Gateway {
    #[non_idempotent]
    async fn pay(&self, won: u64) -> Answer<u64>;

    async fn look(&self, order: u64) -> Answer<u64>;
}

#[trait_variant::make(Sent: Send)]
trait Local {
    async fn look(&self, order: u64) -> Answer<u64>;
}

impl Gateway for Real {
    #[non_idempotent]
    #[timeout("5s")]
    async fn pay(&self, won: u64) -> Answer<u64> {
        Ok(won)
    }

    #[deadline("10s")]
    #[retry(idempotent)]
    async fn look(&self, order: u64) -> Answer<u64> {
        Ok(order)
    }
}

impl Sent for Real {
    #[retry(idempotent)]
    #[timeout("5s")]
    async fn look(&self, order: u64) -> Answer<u64> {
        Ok(order + 1)
    }
}

#[retry(unsent)]
async fn through(bank: &impl Marked) -> Answer<u64> {
    bank.charge(5).await
}

#[tokio::test]
async fn mocks_stand_in_for_marked_and_guarded_methods() {
    let mut bank = MockBank::new();
    bank.expect_charge().returning(|won| OutsideTransaction::new(NonIdempotent::new(Box::pin(async move { Ok(won) }))));
    bank.expect_status().returning(|| Ok(1));
    assert_eq!(through(&bank).await.unwrap(), 5);
    assert_eq!(bank.status().await.unwrap(), 1);
    let mut plain = MockPlain::new();
    plain.expect_status().returning(|| Ok(1));
    assert_eq!(plain.status().await.unwrap() + Plain::status(&Real).await.unwrap(), 8);
}

#[tokio::test]
async fn variants_of_a_trait_keep_its_attributes() {
    assert_eq!(tokio::spawn(async { Gateway::pay(&Real, 5).await }).await.unwrap().unwrap(), 5);
    assert_eq!(tokio::spawn(Gateway::look(&Real, 7)).await.unwrap().unwrap(), 7);
    assert_eq!(Local::look(&Real, 7).await.unwrap(), 8);
}
