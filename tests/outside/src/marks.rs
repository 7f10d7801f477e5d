//! Marks, in functions, methods and generic traits.

use crate::functions::Answer;
use resil::{deadline, non_idempotent, retry, timeout};
use std::future::Future;

/// A bank.
#[derive(Debug)]
pub struct Bank;

/// Marked declarations.
pub trait Charges {
    /// Must not be repeated.
    #[non_idempotent]
    fn charge(&self, won: u64) -> impl Future<Output = Answer<u64>> + Send;
}

impl Charges for Bank {
    #[non_idempotent]
    #[deadline("2s")]
    #[retry(unsent)]
    #[timeout("1s")]
    async fn charge(&self, won: u64) -> Answer<u64> {
        Ok(won)
    }
}

impl Bank {
    /// Borrows from two places, which the future of every edition must hold on to.
    ///
    /// # Errors
    ///
    /// None.
    #[non_idempotent]
    pub async fn note<'a>(&self, text: &'a str, (first, _): (u64, String)) -> Answer<&'a str> {
        tokio::task::yield_now().await;
        Ok(if first == 0 { "" } else { text })
    }
}

/// Through a generic, not repeated.
///
/// # Errors
///
/// The bank's.
#[retry(unsent)]
pub async fn once(bank: &(impl Charges + Sync)) -> Answer<u64> {
    let won = bank.charge(5).await?;
    Ok(won + bank.charge(6).await?)
}

/// An ordinary body under a retry, with every await looked at.
///
/// # Errors
///
/// None.
#[retry(idempotent)]
pub async fn often(text: &str) -> Answer<usize> {
    let block = async { tokio::task::yield_now().await };
    let ((), ()) = tokio::join!(block, tokio::task::yield_now());
    Ok(text.len())
}

#[cfg(test)]
mod tests {
    use super::{Bank, often, once};

    #[tokio::test]
    async fn marked_functions_run_as_before() {
        assert_eq!(once(&Bank).await.ok(), Some(11));
        assert_eq!(often("text").await.ok(), Some(4));
        let note = tokio::spawn(async { Bank.note("paid", (1, String::new())).await });
        assert_eq!(note.await.ok().and_then(Result::ok), Some("paid"));
    }
}
