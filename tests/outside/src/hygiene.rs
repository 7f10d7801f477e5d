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
