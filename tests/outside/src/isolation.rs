//! Bodies on threads of their own, and a state for each key.

use crate::functions::Answer;
use resil::{IdempotencyKey, bulkhead, circuit_breaker, fallback, retry, semaphore, timeout};
use std::sync::{Arc, Mutex, PoisonError};

/// A service.
#[derive(Debug)]
pub struct Warehouse {
    name: String,
}

impl Warehouse {
    /// A service of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// Every receiver and parameter is cloned for each attempt.
    ///
    /// # Errors
    ///
    /// A refusal.
    #[fallback(value = String::new())]
    #[retry(idempotency_key = key)]
    #[circuit_breaker(name = "outside warehouse")]
    #[bulkhead(name = "outside warehouse", threads = 1, max_concurrent = 4, queue = 4)]
    #[timeout("5s")]
    pub async fn stock<T: Clone + Send + ToString + 'static>(
        self: Arc<Self>,
        (item, _): (T, u32),
        key: IdempotencyKey,
    ) -> Answer<String> {
        mod inner {
            pub(super) struct Text(pub(super) String);
            impl Text {
                pub(super) fn of(self) -> String {
                    self.0
                }
            }
        }
        let name = async { self.name.clone() }.await;
        tokio::task::yield_now().await;
        Ok(inner::Text(format!("{name}: {} {}", item.to_string(), key.as_str())).of())
    }

    /// Nothing is cloned where there is one attempt.
    ///
    /// # Errors
    ///
    /// A refusal.
    #[bulkhead(threads = 1)]
    pub async fn once(self: Box<Self>, mut items: Vec<u32>) -> Answer<usize> {
        items.push(1);
        Ok(items.len() + self.name.len())
    }

    /// `self` wherever it can stand, and where it is another one.
    ///
    /// # Errors
    ///
    /// A refusal.
    #[retry(idempotent)]
    #[bulkhead(threads = 1)]
    #[allow(clippy::needless_pub_self)]
    pub async fn printed(self: Arc<Self>, item: String) -> Answer<String> {
        use std::io::{self};
        mod inner {
            pub(self) const ONE: u32 = 1;
            pub const fn one() -> u32 {
                self::ONE
            }
        }
        struct Text;
        impl Text {
            #[allow(clippy::unused_self)]
            pub(self) fn of(&self) -> &'static str {
                "text"
            }
        }
        let kind = io::ErrorKind::Other;
        let text = format!("{self:?} {item} {{self}} {} {kind:?} {}", "{self}", inner::one());
        assert!(!text.is_empty(), "{self:?}");
        assert_eq!(Text.of(), "text", "{self:#?}");
        Ok(text)
    }

    /// A receiver that the body does not use.
    ///
    /// # Errors
    ///
    /// A refusal.
    #[retry(idempotent)]
    #[bulkhead(threads = 1)]
    pub async fn unused(self: Arc<Self>, _unused: u32) -> Answer<u32> {
        Ok(7)
    }
}

/// A key that holds a lock as long as its temporaries live.
///
/// # Errors
///
/// A refusal, or a place that is taken.
#[circuit_breaker(name = "by shop", key = order.0)]
#[semaphore(key = *turn.lock().unwrap_or_else(PoisonError::into_inner), max_keys = 10, permits = 1, max_wait = "1s")]
pub async fn by_shop(turn: &Mutex<u64>, order: (&'static str, u64)) -> Answer<u64> {
    tokio::task::yield_now().await;
    Ok(turn.try_lock().map_or(0, |turn| *turn) + order.1)
}

#[cfg(test)]
mod tests {
    use super::{Warehouse, by_shop};
    use std::sync::{Arc, Mutex};

    #[tokio::test]
    async fn bodies_run_elsewhere() {
        let warehouse = Arc::new(Warehouse::new("tea"));
        let key = resil::IdempotencyKey::derived("stock", 1);
        let stock = tokio::spawn(Arc::clone(&warehouse).stock((7, 0), key.clone())).await;
        assert_eq!(stock.ok().and_then(Result::ok), Some(format!("tea: 7 {}", key.as_str())));
        assert_eq!(Box::new(Warehouse::new("tea")).once(vec![]).await.ok(), Some(4));
        assert_eq!(warehouse.unused(1).await.ok(), Some(7));
    }

    #[tokio::test]
    async fn a_key_holds_nothing_while_it_waits() {
        let spawned = tokio::spawn(async {
            let turn = Mutex::new(1);
            let (one, other) = tokio::join!(by_shop(&turn, ("a", 2)), by_shop(&turn, ("a", 3)));
            (one.ok(), other.ok())
        });
        assert_eq!(spawned.await.ok(), Some((Some(3), Some(4))));
    }
}
