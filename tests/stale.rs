//! A last good value answers for what it was the answer to, and for nothing else: another instance, another type.

use resil::{Error, fallback};
use std::marker::PhantomData;

fn ask<T>(answer: Option<T>) -> Result<T, Error> {
    answer.ok_or(Error::CircuitOpen { name: "the partner", retry_after: None })
}

struct Rates {
    base: &'static str,
    tenant: Option<u32>,
}

impl Rates {
    const fn of(base: &'static str) -> Self {
        Self { base, tenant: None }
    }

    #[fallback(stale = "10m", key = currency, of = self.base)]
    async fn rate(&self, currency: &str, answer: Option<u32>) -> Result<u32, Error> {
        ask(answer)
    }

    #[fallback(stale = "10m", key = currency, of = all)]
    async fn shared(&self, currency: &str, answer: Option<u32>) -> Result<u32, Error> {
        ask(answer)
    }

    #[fallback(stale = "10m", key = format!("{}/{currency}", self.base))]
    async fn in_the_key(&self, currency: &str, answer: Option<u32>) -> Result<u32, Error> {
        ask(answer)
    }

    #[fallback(stale = "10m", key = 1, of = self.tenant.map_or_else(String::new, |tenant| tenant.to_string()))]
    async fn computed(self, answer: Option<u32>) -> Result<u32, Error> {
        ask(answer)
    }
}

#[tokio::test(start_paused = true)]
async fn instances_that_are_told_apart_answer_for_themselves() {
    let _scope = resil::testing::isolated();
    let (live, sandbox) = (Rates::of("https://live"), Rates::of("https://sandbox"));
    assert_eq!(live.rate("EUR", Some(1)).await.unwrap(), 1);
    assert!(sandbox.rate("EUR", None).await.is_err(), "the other's");
    assert_eq!(sandbox.rate("EUR", Some(2)).await.unwrap(), 2);
    assert_eq!(live.rate("EUR", None).await.unwrap(), 1);
    assert_eq!(Rates::of("https://live").rate("EUR", None).await.unwrap(), 1, "the same partner");
    assert_eq!(live.in_the_key("EUR", Some(3)).await.unwrap(), 3);
    assert!(sandbox.in_the_key("EUR", None).await.is_err());
    assert_eq!(live.shared("EUR", Some(4)).await.unwrap(), 4);
    assert_eq!(sandbox.shared("EUR", None).await.unwrap(), 4, "all are alike");
    assert_eq!(Rates { base: "", tenant: Some(7) }.computed(Some(5)).await.unwrap(), 5);
    assert!(Rates { base: "", tenant: Some(8) }.computed(None).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_instance_and_a_key_do_not_run_into_each_other() {
    let _scope = resil::testing::isolated();
    assert_eq!(Rates::of("a").rate("bc", Some(1)).await.unwrap(), 1);
    assert!(Rates::of("ab").rate("c", None).await.is_err());
    assert!(Rates::of("").rate("abc", None).await.is_err());
}

trait Quotes {
    const ID: u32;

    #[fallback(stale = "10m", key = 1)]
    async fn without_self(answer: Option<u32>) -> Result<u32, Error> {
        _ = Self::ID;
        ask(answer)
    }

    #[fallback(stale = "10m", key = 1, of = all)]
    async fn by_default(&self, answer: Option<u32>) -> Result<u32, Error> {
        ask(answer)
    }
}

struct First;
struct Second<T>(PhantomData<T>);

impl Quotes for First {
    const ID: u32 = 1;
}

impl<T> Quotes for Second<T> {
    const ID: u32 = 2;
}

impl<T> Second<T> {
    #[fallback(stale = "10m", key = 1)]
    async fn inherent(answer: Option<u32>) -> Result<u32, Error> {
        ask(answer)
    }
}

#[tokio::test(start_paused = true)]
async fn implementors_of_a_trait_never_meet() {
    let _scope = resil::testing::isolated();
    assert_eq!(First::without_self(Some(1)).await.unwrap(), 1);
    assert!(Second::<u8>::without_self(None).await.is_err());
    assert_eq!(First.by_default(Some(2)).await.unwrap(), 2);
    assert!(Second::<u8>(PhantomData).by_default(None).await.is_err());
    assert_eq!(Second::<u8>::inherent(Some(3)).await.unwrap(), 3);
    assert!(Second::<u16>::inherent(None).await.is_err());
    assert_eq!(Second::<u8>::inherent(None).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn instantiations_of_a_function_never_meet() {
    #[fallback(stale = "10m", key = 1)]
    async fn of_types<A, const N: usize>(answer: Option<u32>) -> Result<u32, Error> {
        ask(answer)
    }
    #[fallback(stale = "10m", key = 1)]
    async fn of_anything(partner: impl Copy, answer: Option<u32>) -> Result<u32, Error> {
        _ = partner;
        ask(answer)
    }
    #[fallback(stale = "10m", key = 1)]
    async fn of_outcomes<T: Clone + Send + Sync + 'static>(answer: Option<T>) -> Result<T, Error> {
        ask(answer)
    }
    let _scope = resil::testing::isolated();
    assert_eq!(of_types::<First, 1>(Some(1)).await.unwrap(), 1);
    assert!(of_types::<Second<u8>, 1>(None).await.is_err());
    assert!(of_types::<First, 2>(None).await.is_err());
    assert_eq!(of_types::<First, 1>(None).await.unwrap(), 1);
    assert_eq!(of_anything("text", Some(2)).await.unwrap(), 2);
    assert!(of_anything(2, None).await.is_err());
    assert_eq!(of_anything("another text", None).await.unwrap(), 2);
    assert_eq!(of_outcomes(Some(3)).await.unwrap(), 3);
    assert!(of_outcomes::<String>(None).await.is_err());
    assert_eq!(of_outcomes(Some("three")).await.unwrap(), "three");
    assert_eq!(of_outcomes::<i32>(None).await.unwrap(), 3, "not pushed out by the other");
}

#[async_trait::async_trait]
trait Boxed {
    async fn rate(&self, answer: Option<u32>) -> Result<u32, Error>;
}

#[async_trait::async_trait]
impl Boxed for Rates {
    #[fallback(stale = "10m", key = 1, of = self.base)]
    async fn rate(&self, answer: Option<u32>) -> Result<u32, Error> {
        ask(answer)
    }
}

#[tokio::test(start_paused = true)]
async fn methods_of_trait_objects_are_told_apart_too() {
    let _scope = resil::testing::isolated();
    let partners: [Box<dyn Boxed>; 2] = [Box::new(Rates::of("live")), Box::new(Rates::of("sandbox"))];
    assert_eq!(partners[0].rate(Some(1)).await.unwrap(), 1);
    assert!(partners[1].rate(None).await.is_err());
    assert_eq!(partners[0].rate(None).await.unwrap(), 1);
}
