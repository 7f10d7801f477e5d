//! What an expansion asks of a result. The names here are spelled by the macros, not by people.

use super::{Classify, Failure, Verdict};

/// A function's return type that can carry a failure.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot carry a failure",
    label = "a failure cannot be returned from this function",
    note = "write `-> Result<{Self}, resil::Error>`"
)]
pub trait Fallible: Sized {
    /// What success holds.
    type Ok;
    /// The function's error.
    type Err;
    /// The same, as the outcome of an attempt.
    ///
    /// # Errors
    ///
    /// Its own, or why there is none.
    fn into_outcome(self) -> Result<Self::Ok, Failure<Self::Err>>;
}

impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Err = E;
    #[inline]
    fn into_outcome(self) -> Result<T, Failure<E>> {
        self.map_err(Failure::Call)
    }
}

/// A value in place of a failure, coerced to what the function succeeds with.
///
/// # Errors
///
/// Never.
#[inline]
pub fn value<R: Fallible>(value: R::Ok) -> Result<R::Ok, Failure<R::Err>> {
    Ok(value)
}

/// Anchors the type of an attempt: it stands behind `if false` and never runs.
pub fn output<R: Fallible>() -> R {
    unreachable!("stands behind `if false`")
}

/// The same for a function that need not carry a failure.
pub fn any<R>() -> R {
    unreachable!("stands behind `if false`")
}

/// A success that carries a status of its own: a plain HTTP response.
pub trait HttpStatus {
    /// What the status means; `None` below 400.
    fn status_verdict(&self) -> Option<Verdict>;
}

/// Reads the verdict off an outcome whose success is an HTTP response. Found before [`Judge`], by one reference less.
pub trait JudgeResponse {
    #[doc(hidden)]
    type Error;
    /// `None` for a success.
    fn resil_verdict(&self) -> Option<Verdict>
    where
        Self::Error: Classify;
}

impl<T: HttpStatus, E> JudgeResponse for Result<T, E> {
    type Error = E;
    fn resil_verdict(&self) -> Option<Verdict>
    where
        E: Classify,
    {
        match self {
            Ok(response) => response.status_verdict(),
            Err(failure) => Some(failure.verdict()),
        }
    }
}

/// Reads the verdict off any outcome.
pub trait Judge {
    #[doc(hidden)]
    type Error;
    /// `None` for a success.
    fn resil_verdict(&self) -> Option<Verdict>
    where
        Self::Error: Classify;
}

impl<T, E> Judge for &Result<T, E> {
    type Error = E;
    #[inline]
    fn resil_verdict(&self) -> Option<Verdict>
    where
        E: Classify,
    {
        match self {
            Ok(_) => None,
            Err(failure) => Some(failure.verdict()),
        }
    }
}

/// What a `failure_if` function may answer about a success.
#[diagnostic::on_unimplemented(
    message = "`failure_if` answers `bool`, `Verdict` or `Option<Verdict>`, not `{Self}`",
    label = "not an answer to \"is this success a failure?\""
)]
pub trait Judgement {
    /// `None` if it is a success after all.
    fn into_verdict(self) -> Option<Verdict>;
}

impl Judgement for bool {
    fn into_verdict(self) -> Option<Verdict> {
        self.then_some(Verdict::transient())
    }
}

impl Judgement for Verdict {
    fn into_verdict(self) -> Option<Verdict> {
        Some(self)
    }
}

impl Judgement for Option<Verdict> {
    fn into_verdict(self) -> Option<Verdict> {
        self
    }
}

/// The verdict, with a success judged by the user's own function.
#[inline]
pub fn failure_if<T, E, J: Judgement>(
    verdict: Option<Verdict>,
    outcome: &Result<T, E>,
    judge: impl FnOnce(&T) -> J,
) -> Option<Verdict> {
    match outcome {
        Ok(value) if verdict.is_none() => judge(value).into_verdict(),
        _ => verdict,
    }
}

/// A field marked `#[classify(status)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a status code",
    label = "`#[classify(status)]` reads a `u16` or an `http::StatusCode` (feature `http`)",
    note = "keep the status as a `u16`, or say what the variant means: `#[classify(transient)]`, \
            `#[classify(permanent)]` or `#[classify(caller)]`"
)]
pub trait StatusCode {
    /// The number.
    fn code(&self) -> u16;
}

impl StatusCode for u16 {
    fn code(&self) -> u16 {
        *self
    }
}

#[cfg(feature = "http")]
impl StatusCode for http::StatusCode {
    fn code(&self) -> u16 {
        self.as_u16()
    }
}

/// What a status code means.
pub fn status(code: &impl StatusCode) -> Verdict {
    Verdict::status(code.code())
}
