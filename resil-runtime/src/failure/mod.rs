//! What a failure is, and what it means: every policy decides from a [`Verdict`].

mod chain;
mod classify;
mod error;
mod judge;
mod verdict;

pub use classify::{Classify, Represents};
pub use error::{ConnectTimeout, Error, Inside, Misconfiguration, Phase};
pub use judge::{
    Fallible, HttpStatus, Judge, JudgeResponse, Judgement, StatusCode, any, failure_if, output, status, value,
};
pub use verdict::{Effect, Kind, Verdict};

use std::any::Any;
use std::fmt;

/// Why one attempt did not succeed.
///
/// The policies of a stack hand this to each other; [`Failure::into_error`] turns it into the function's own error at
/// the end, so that your error type needs nothing but `From<resil::Error>`.
///
/// ```
/// use resil::{Error, Failure};
///
/// #[derive(Debug)]
/// enum PaymentError { Declined, Policy(Error) }
/// impl From<Error> for PaymentError {
///     fn from(error: Error) -> Self { Self::Policy(error) }
/// }
///
/// let failure: Failure<PaymentError> = Failure::Call(PaymentError::Declined);
/// assert!(matches!(failure.into_error(), PaymentError::Declined));
/// ```
pub enum Failure<E> {
    /// The function's own body failed.
    Call(E),
    /// A policy refused the call, or cut it short.
    Policy(Error),
    /// The body panicked. A circuit breaker counts it; then it unwinds on.
    Panic(Box<dyn Any + Send>),
}

impl<E> Failure<E> {
    /// The function's own error.
    ///
    /// # Panics
    ///
    /// Resumes the body's panic, if that is what happened.
    #[inline]
    pub fn into_error(self) -> E
    where
        E: Represents,
    {
        match self {
            Self::Call(error) => error,
            Self::Policy(error) => E::represent(error),
            Self::Panic(payload) => std::panic::resume_unwind(payload),
        }
    }
}

impl<E: Classify> Classify for Failure<E> {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Call(error) => error.verdict(),
            Self::Policy(error) => error.verdict(),
            Self::Panic(_) => Verdict::permanent(),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => f.debug_tuple("Call").field(error).finish(),
            Self::Policy(error) => f.debug_tuple("Policy").field(error).finish(),
            Self::Panic(_) => f.write_str("Panic(..)"),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Policy(error) => error.fmt(f),
            Self::Panic(_) => f.write_str("the call panicked"),
        }
    }
}
