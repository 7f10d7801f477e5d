//! Functions that a user's macro writes, from fragments of every kind.

use crate::functions::{Answer, Failed};
use resil::{bulkhead, circuit_breaker, deadline, fallback, non_idempotent, retry, timeout, IdempotencyKey};
use std::future::Future;
use std::io;

/// Types, visibilities, names, patterns and blocks.
macro_rules! typed {
    ($vis:vis $name:ident($pattern:pat_param, $taken:ty, $other:ident: $borrowed:ty) -> $answer:ty $body:block) => {
        /// Its body is a block that was handed in.
        ///
        /// # Errors
        ///
        /// None of its own.
        #[deadline("30s")]
        #[retry(idempotent)]
        #[circuit_breaker]
        #[timeout("5s")]
        $vis async fn $name($pattern: $taken, $other: $borrowed) -> $answer $body
    };
}

typed! {
    pub typed((one, _), (u32, String), text: &str) -> Answer<usize> {
        Ok(text.len() + one as usize)
    }
}

/// The parts of a return type, an expression for a body, and the attributes themselves.
macro_rules! parts {
    ($(#[$attribute:meta])* $name:ident<$lifetime:lifetime>($key:ident: $key_type:ty) -> Result<$ok:ty, $err:path>: $body:expr) => {
        /// Its return type is in pieces.
        ///
        /// # Errors
        ///
        /// None of its own.
        $(#[$attribute])*
        pub async fn $name<$lifetime>($key: $key_type) -> Result<$ok, $err> {
            $body
        }
    };
}

parts! {
    #[retry(idempotency_key = key, attempts = 2)]
    #[timeout("5s")]
    keyed<'a>(key: &'a IdempotencyKey) -> Result<&'a str, Failed>: Ok(key.as_str())
}
parts! {
    #[fallback(value = "none")]
    #[retry(idempotency_key = other)]
    keyed_too<'a>(other: &'a IdempotencyKey) -> Result<&'a str, Failed>: Ok(other.as_str())
}

/// A future by hand.
macro_rules! promised {
    ($name:ident -> $future:ty { $($statement:stmt;)* } $value:literal) => {
        /// Returns a future.
        ///
        /// # Errors
        ///
        /// None of its own.
        #[retry(idempotent)]
        #[timeout("5s")]
        pub fn $name() -> $future {
            async move {
                $($statement;)*
                Ok($value)
            }
        }
    };
}

promised! { promised -> impl Future<Output = Answer<u32>> + Send { tokio::task::yield_now().await; let _ = 1; } 7 }

/// What leaves its thread owns its parameters.
macro_rules! isolated {
    ($name:ident($($argument:ident: $argument_type:ty),*) -> $answer:ty { $($body:tt)* }) => {
        /// On threads of its own.
        ///
        /// # Errors
        ///
        /// A refusal.
        #[retry(idempotency_key = key)]
        #[bulkhead(threads = 1)]
        pub async fn $name($($argument: $argument_type),*) -> $answer {
            $($body)*
        }
    };
}

isolated! { isolated(key: IdempotencyKey, names: Vec<String>) -> io::Result<String> { Ok(names.join(key.as_str())) } }

/// A whole item.
macro_rules! item {
    ($item:item) => {
        #[timeout("5s")]
        $item
    };
}

item! {
    /// A whole item.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub async fn item(value: u32) -> Answer<u32> {
        Ok(value)
    }
}

/// A declaration, and one that implements it.
macro_rules! service {
    ($service:ident { $(fn $method:ident($($argument:ident: $argument_type:ty),*) -> $future:ty;)* }) => {
        /// Declared by a macro.
        pub trait $service {
            $(
                /// Marked.
                #[non_idempotent]
                fn $method(&self, $($argument: $argument_type),*) -> $future;
            )*
        }
    };
}

service! { Charging { fn charge(won: u64) -> impl Future<Output = Answer<u64>> + Send; } }

impl Charging for u64 {
    #[non_idempotent]
    #[timeout("5s")]
    async fn charge(&self, won: u64) -> Answer<u64> {
        Ok(won + self)
    }
}

#[cfg(test)]
mod tests {
    use super::{isolated, item, keyed, keyed_too, promised, typed, Charging};
    use resil::IdempotencyKey;

    #[tokio::test]
    async fn fragments_of_every_kind_run_in_spawned_tasks() {
        let key = IdempotencyKey::derived("fragments", 1);
        let of_key = key.clone();
        let spawned = tokio::spawn(async move {
            assert_eq!(typed((1, String::new()), "text").await.unwrap(), 5);
            assert_eq!(keyed(&key).await.unwrap(), key.as_str());
            assert_eq!(keyed_too(&key).await.unwrap(), key.as_str());
            assert_eq!(promised().await.unwrap(), 7);
            assert_eq!(item(7).await.unwrap(), 7);
            assert_eq!(2.charge(5).await.unwrap(), 7);
        });
        spawned.await.unwrap();
        let names = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(isolated(of_key.clone(), names).await.unwrap(), format!("a{}b", of_key.as_str()));
    }
}
