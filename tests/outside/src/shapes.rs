//! Parameters, bodies and return types that are seldom written.

use crate::functions::{Answer, Failed};
use resil::{bulkhead, circuit_breaker, fallback, non_idempotent, outside_transaction, retry, timeout};
use std::fmt::{Debug, Display};

/// Parameters that are there or not.
///
/// # Errors
///
/// None of its own.
#[outside_transaction]
#[fallback(with = absent)]
#[retry(idempotent)]
#[bulkhead(threads = 1)]
pub async fn conditional(#[cfg(any(unix, windows))] there: u32, #[cfg(any())] gone: Missing) -> Answer<u32> {
    if there == 0 {
        return Err(Failed::Busy);
    }
    #[cfg(any())]
    drop(gone);
    Ok(there)
}

async fn absent(there: &u32, #[cfg(any())] gone: &Missing, _: resil::Failure<Failed>) -> Answer<u32> {
    std::future::ready(Ok(there + 7)).await
}

/// Attributes at the beginning of the body.
///
/// # Errors
///
/// None of its own.
#[retry(idempotent)]
#[timeout("5s")]
pub async fn inner_attributes(value: u32) -> Answer<u32> {
    #![allow(clippy::let_and_return)]
    //! And a line more.
    let same = value;
    same.checked_add(1).ok_or(Failed::Busy)
}

/// Patterns that are not there.
///
/// # Errors
///
/// None of its own.
#[non_idempotent]
#[timeout("5s")]
pub async fn patterns(#[cfg(any())] (gone, _): (Missing, Missing), (there, _): (u32, u32)) -> Answer<u32> {
    Ok(there)
}

/// What a fallback's value is coerced to.
pub trait Rates: Debug + Send {}

/// One rate.
#[derive(Debug)]
pub struct Fixed;

impl Rates for Fixed {}

/// An object.
///
/// # Errors
///
/// None.
#[fallback(value = Box::new(Fixed))]
pub async fn object() -> Answer<Box<dyn Rates>> {
    Err(Failed::Busy)
}

/// A slice.
///
/// # Errors
///
/// None.
#[fallback(value = &[])]
#[retry(idempotent, base = "0ms")]
pub async fn slice(all: &[u8]) -> Answer<&[u8]> {
    if all.is_empty() {
        Err(Failed::Busy)
    } else {
        Ok(all)
    }
}

/// A pointer to a function.
///
/// # Errors
///
/// None.
#[fallback(value = |value| value + 1)]
pub async fn function() -> Answer<fn(u32) -> u32> {
    Err(Failed::Busy)
}

/// Nothing to coerce to: it is the body's own.
///
/// # Errors
///
/// None.
#[fallback(value = vec![7].into_iter())]
pub async fn opaque(fails: bool) -> Answer<impl Iterator<Item = u8>> {
    if fails {
        Err(Failed::Busy)
    } else {
        Ok(Vec::new().into_iter())
    }
}

/// A function that borrows for as long as it is called, as every function does.
///
/// # Errors
///
/// A refusal.
#[retry(idempotent)]
#[bulkhead(threads = 1)]
pub async fn called(
    with_name: impl for<'a> Fn(&'a str) -> &'a str + Clone + Send + 'static,
    without: fn(&str) -> &str,
    object: std::sync::Arc<dyn for<'a> Fn(&'a str) -> &'a str + Send + Sync>,
    fixed: &'static str,
) -> Answer<String> {
    Ok(without(with_name(object(fixed))).to_owned())
}

/// Types that are opaque within others.
///
/// # Errors
///
/// None.
#[circuit_breaker]
#[timeout("5s")]
pub async fn nested(number: u32) -> Result<Box<dyn Iterator<Item = impl Display> + Send>, Failed> {
    Ok(Box::new([number].into_iter()))
}

/// A judge of the type's own.
#[derive(Debug)]
pub struct Poll<T>(T);

impl<T: PartialOrd + From<u8> + Clone + Send + Sync> Poll<T> {
    fn pending(answer: &T) -> bool {
        *answer > T::from(9)
    }

    /// Judged by it.
    ///
    /// # Errors
    ///
    /// None.
    #[retry(idempotent, base = "0ms", failure_if = Self::pending)]
    #[circuit_breaker(failure_if = Self::pending)]
    pub async fn poll(&self) -> Answer<T> {
        Ok(self.0.clone())
    }
}

/// A judge of a parameter's type.
///
/// # Errors
///
/// None.
#[retry(idempotent, base = "0ms", failure_if = J::judge)]
pub async fn judged<J: Judge>(judge: &J) -> Answer<u32> {
    Ok(judge.answer())
}

/// Judges answers.
pub trait Judge {
    /// Whether it is none.
    fn judge(answer: &u32) -> bool;
    /// An answer.
    fn answer(&self) -> u32;
}

impl Judge for std::cell::Cell<u32> {
    fn judge(answer: &u32) -> bool {
        *answer < 3
    }

    fn answer(&self) -> u32 {
        self.set(self.get() + 1);
        self.get()
    }
}

/// Parameters that are there for their callers' sake.
///
/// # Errors
///
/// None.
#[non_idempotent]
#[timeout("5s")]
pub async fn quiet(_ctx: &str, mut _count: u32, (_, _pair): (u32, u32)) -> Answer<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        called, conditional, function, inner_attributes, judged, nested, object, opaque, patterns, quiet, slice, Poll,
    };
    use std::cell::Cell;
    use std::sync::Arc;

    #[tokio::test]
    async fn rare_shapes_run() {
        assert_eq!(conditional(1).await.unwrap(), 1);
        assert_eq!(conditional(0).await.unwrap(), 7);
        assert_eq!(patterns((7, 1)).await.unwrap(), 7);
        assert_eq!(inner_attributes(1).await.unwrap(), 2);
        assert_eq!(format!("{:?}", object().await.unwrap()), "Fixed");
        assert!(slice(&[]).await.unwrap().is_empty());
        assert_eq!(function().await.unwrap()(1), 2);
        assert_eq!(opaque(true).await.unwrap().collect::<Vec<_>>(), [7]);
        assert_eq!(called(|a| a, |a| a, Arc::new(|a| a), "text").await.unwrap(), "text");
        assert_eq!(nested(7).await.unwrap().map(|one| one.to_string()).collect::<String>(), "7");
        assert_eq!(Poll(10).poll().await.unwrap(), 10);
        assert_eq!(judged(&Cell::new(0)).await.unwrap(), 3);
        quiet("", 0, (1, 2)).await.unwrap();
    }
}
