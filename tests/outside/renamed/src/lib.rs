//! A crate that calls resil by another name: `crate = ..` on any one attribute of a stack.
#![deny(warnings)]

use std::io;
use sturdy::{circuit_breaker, timeout};

/// Siblings spelled by path and by import.
///
/// # Errors
///
/// None of its own.
#[sturdy::retry(idempotent, crate = ::sturdy)]
#[circuit_breaker]
#[timeout("5s")]
pub async fn renamed(value: u32) -> io::Result<u32> {
    Ok(value)
}

/// An error of our own.
#[derive(Debug, sturdy::Classify)]
#[classify(crate = ::sturdy)]
pub enum Failed {
    /// Passing.
    #[classify(transient)]
    Busy,
}

#[tokio::test]
async fn it_runs() {
    assert_eq!(renamed(7).await.unwrap(), 7);
    assert!(sturdy::Classify::verdict(&Failed::Busy).is_transient());
}

/// Without the feature `sqlite` or `postgres`.
#[cfg(feature = "refused")]
mod refused {
    #[sturdy::transactional(crate = sturdy, tx = db)]
    pub async fn transactional(db: u64) -> Result<(), sturdy::Error> {
        Ok(())
    }

    #[sturdy::durable(crate = sturdy, db = Sqlite, op = "pay")]
    #[sturdy::retry(unsent)]
    pub async fn durable(won: u64) -> Result<u64, sturdy::Error> {
        Ok(won)
    }
}
