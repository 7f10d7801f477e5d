use crate::Attempt;
use crate::policy::deadline::Due;
use std::future::{Future, Ready, ready};

/// What a fallback function may return: the function's own result, at once or as a future.
///
/// `R` is that result; `When` tells the two apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "a fallback answers what the function returns, which `{Self}` is not",
    label = "not the function's own `Result`, nor a future of it",
    note = "write a function of the parameters by reference and then the failure, with the same return type:\n\
            `fn instead(order: &Order, failure: resil::Failure<MyError>) -> Result<Receipt, MyError>`, `async` or not"
)]
pub trait Answer<R, When> {
    /// The answer, to be awaited.
    type Future: Future<Output = R>;
    /// Turns it into one.
    fn into_answer(self) -> Self::Future;
}

/// Marks an answer that is there at once.
#[derive(Debug)]
pub struct Now;

/// Marks an answer that is a future.
#[derive(Debug)]
pub struct Later;

impl<R> Answer<R, Now> for R {
    type Future = Ready<R>;
    fn into_answer(self) -> Ready<R> {
        ready(self)
    }
}

impl<R, F: Future<Output = R>> Answer<R, Later> for F {
    type Future = F;
    fn into_answer(self) -> F {
        self
    }
}

/// The answer of a fallback function, sync or async.
pub async fn answer<R, When, A: Answer<R, When>>(answer: A) -> R {
    answer.into_answer().await
}

/// The same under the deadline of the call, which may have passed: what remains of it, or a tenth of it.
#[inline]
pub fn answer_within<R, When, A: Answer<R, When>>(answer: A, due: Due) -> Attempt<'static, A::Future> {
    Attempt::begun(answer.into_answer(), due.for_fallback())
}
