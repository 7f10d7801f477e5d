//! Awaits that a user's macros print, or understand in their own way, and others whose type is not known at once.

use crate::functions::Answer;
use resil::retry;
use std::future::ready;

/// Joins text, and no futures.
macro_rules! join {
    ($($text:literal),*) => {
        concat!($($text),*)
    };
}

/// A language in which `await` is a word like any other.
macro_rules! steps {
    ($($step:ident.await;)*) => {
        [$(stringify!($step)),*]
    };
}

/// What is printed is what was written.
///
/// # Panics
///
/// If the value is small.
///
/// # Errors
///
/// None of its own.
#[retry(idempotent)]
pub async fn printed(value: u32) -> Answer<&'static str> {
    assert!(ready(value).await > 5);
    Ok(stringify!(call.await))
}

/// The macros of somebody else.
///
/// # Errors
///
/// None of its own.
#[retry(idempotent)]
pub async fn foreign() -> Answer<String> {
    macro_rules! wait {
        ($call:expr) => {
            $call.await
        };
    }
    let steps = steps! { order.await; pay.await; };
    Ok(wait!(ready(join!("a", "b"))).to_owned() + steps[0] + steps[1])
}

/// A module in the body.
///
/// # Errors
///
/// None of its own.
#[retry(idempotent)]
pub async fn module() -> Answer<u32> {
    mod inner {
        pub async fn answer() -> u32 {
            std::future::ready(42).await
        }
    }
    Ok(inner::answer().await)
}

/// A closure that gets to know its parameter's type when it is called.
///
/// # Errors
///
/// None of its own.
#[retry(idempotent)]
pub async fn closure(value: u32) -> Answer<u32> {
    let wait = |call| async move { (call.await, 1) };
    Ok(wait(ready(value)).await.0)
}
