//! Names that our expansion uses too.

use resil::{Error, circuit_breaker, deadline, retry, timeout};

/// A constant with the name of one of our statics, used in a body.
pub const RETRY: u32 = 1;
/// Another.
pub const SITE: u32 = 2;

/// A function with the name of one we call.
#[must_use]
pub fn drop(value: u32) -> u32 {
    value
}

/// Parameters named like our locals.
///
/// # Errors
///
/// None of its own.
#[expect(clippy::too_many_arguments, reason = "that is the point")]
#[deadline("30s")]
#[retry(idempotent, attempts = self::RETRY)]
#[circuit_breaker]
#[timeout("5s")]
pub async fn names(
    retry: u32,
    circuit_breaker: u32,
    timeout: u32,
    deadline: u32,
    attempt: u32,
    outcome: u32,
    pass: u32,
    verdict: u32,
    delay: u32,
    refusal: u32,
) -> Result<u32, Error> {
    let sum = retry + circuit_breaker + timeout + deadline + attempt + outcome + pass + verdict + delay + refusal;
    Ok(drop(sum) + RETRY + SITE)
}

/// A module whose `Ok` and `Err` are not the prelude's.
pub mod shadowed {
    use resil::{Error, circuit_breaker, retry, timeout};

    #[allow(non_snake_case, clippy::unnecessary_wraps)]
    fn Ok(value: u32) -> Result<u32, Error> {
        Result::Ok(value)
    }

    /// Its body uses the module's.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[retry(idempotent)]
    #[circuit_breaker]
    #[timeout("5s")]
    pub async fn shadowed() -> Result<u32, Error> {
        Ok(7)
    }
}

/// A module that has macros and modules named like our attributes.
pub mod crowded {
    /// A module.
    pub mod retry {
        /// A constant.
        pub const ATTEMPTS: u32 = 2;
    }

    /// Attributes by path.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[resil::retry(idempotent, attempts = retry::ATTEMPTS)]
    #[::resil::timeout("5s")]
    pub async fn crowded() -> Result<u32, resil::Error> {
        Ok(7)
    }
}

/// A module with types, traits, functions, macros and modules named like those that an expansion uses.
pub mod taken {
    #![allow(missing_docs, non_camel_case_types, clippy::upper_case_acronyms)]

    use ::resil::Error as resil_error;

    pub enum Result {}
    pub struct Option;
    pub struct Ok;
    pub struct Err;
    pub struct Some;
    pub struct Duration;
    pub trait Future {}
    pub trait Judge {}
    pub trait Awaiting {}
    pub trait Into {}
    pub trait From {}
    pub trait Clone {}
    pub mod core {}
    pub mod std {}
    pub mod resil {}
    pub mod __private {}
    #[must_use]
    pub const fn output() -> u32 {
        7
    }
    macro_rules! concat {
        () => {};
    }
    macro_rules! module_path {
        () => {};
    }
    concat!();
    module_path!();

    /// Everything at once.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[::resil::non_idempotent]
    #[::resil::fallback(value = 0)]
    #[::resil::deadline("30s")]
    #[::resil::retry(unsent, base = "1ms")]
    #[::resil::circuit_breaker(key = 1)]
    #[::resil::semaphore(permits = 4)]
    #[::resil::timeout("5s")]
    pub async fn taken() -> ::std::result::Result<u32, resil_error> {
        ::std::result::Result::Ok(output())
    }

    /// And on threads of its own.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[::resil::outside_transaction]
    #[::resil::retry(idempotent)]
    #[::resil::bulkhead(threads = 1)]
    #[::resil::timeout("5s")]
    pub async fn isolated(text: String) -> ::std::result::Result<usize, resil_error> {
        ::std::result::Result::Ok(text.len())
    }
}

/// Attributes of others, above ours and below.
pub mod neighbours {
    use crate::functions::Answer;
    use resil::{deadline, retry, timeout};

    /// All that may stand there.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[allow(dead_code, clippy::allow_attributes)]
    #[doc(alias = "neighbour")]
    #[cfg_attr(all(), deadline("30s"), inline(never))]
    #[cfg(any(unix, windows))]
    #[retry(idempotent)]
    #[cold]
    #[cfg_attr(not(any()), timeout("5s"))]
    #[cfg_attr(any(), timeout("nonsense"))]
    #[tracing::instrument(skip_all, err)]
    #[must_use = "it says something"]
    #[rustfmt::skip]
    pub async fn neighbours(value: u32) -> Answer<u32> {
        let values = value;
        Ok(values)
    }
}

/// A module where every value has methods named like those that the expansion calls.
pub mod overtaken {
    use crate::functions::Failed;
    use resil::{Verdict, circuit_breaker, deadline, fallback, retry, semaphore, timeout};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Methods of a user's, on everything.
    #[allow(missing_docs)]
    pub trait Everything: Sized {
        fn verdict(&self) -> Option<Verdict> {
            None
        }
        #[must_use]
        fn awaited<T>(self, _: T) -> Self {
            self
        }
        fn again<T>(self, _: T) -> Option<std::future::Ready<()>> {
            None
        }
        fn prove<T>(self, body: T) -> T {
            body
        }
        fn apply<T>(self, body: T) -> T {
            body
        }
        fn under_retry(self) {}
        fn in_transaction(self) {}
        fn stays_outside(self) {}
        fn keep<T>(self, _: T) {}
        fn get<T>(self) -> Option<T> {
            None
        }
        fn start(self) {}
        fn admit(self) {}
        fn acquire(self) {}
        fn record<T>(self, _: T) {}
        fn take_over<T>(self, _: T) -> bool {
            false
        }
        fn within<T>(self, _: T) {}
        fn under<T>(self, _: T) {}
        fn map_err<T>(self, _: T) {}
    }

    impl<T> Everything for T {}

    async fn third(calls: &AtomicU32) -> Result<u32, Failed> {
        let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
        std::future::ready(if call < 3 { Err(Failed::Busy) } else { Ok(call) }).await
    }

    /// Repeated all the same.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[retry(idempotent, base = "0ms")]
    pub async fn repeated(calls: &AtomicU32) -> Result<u32, Failed> {
        third(calls).await
    }

    /// The same under everything.
    ///
    /// # Errors
    ///
    /// None of its own.
    #[fallback(stale = "1m", key = 1)]
    #[deadline("30s")]
    #[retry(idempotent, base = "0ms")]
    #[circuit_breaker]
    #[semaphore(permits = 4)]
    #[timeout("5s")]
    pub async fn whole(calls: &AtomicU32) -> Result<u32, Failed> {
        third(calls).await
    }
}
