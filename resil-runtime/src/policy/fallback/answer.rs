use super::Fallback;
use crate::context::{self, Due};
use crate::failure::Fallible;
use crate::{Attempt, Classify, Failure};
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
    /// Whether it is a future, which may have something left to do.
    const IS_LATER: bool;
    /// Turns it into one.
    fn into_answer(self) -> Self::Future;
}

/// Marks an answer that is there at once.
#[derive(Debug)]
pub struct AtOnce;

/// Marks an answer that is a future.
#[derive(Debug)]
pub struct Later;

impl<R> Answer<R, AtOnce> for R {
    type Future = Ready<R>;
    const IS_LATER: bool = false;
    fn into_answer(self) -> Ready<R> {
        ready(self)
    }
}

impl<R, F: Future<Output = R>> Answer<R, Later> for F {
    type Future = F;
    const IS_LATER: bool = true;
    fn into_answer(self) -> F {
        self
    }
}

/// The answer of a fallback function, sync or async, in place of this failure. An async one is not asked once the deadline
/// of a caller has passed, since it might send something that nobody waits for: the failure is the answer then.
///
/// # Errors
///
/// Its own, or the failure.
pub fn answer<R, When, A>(
    fallback: &Fallback,
    failure: Failure<R::Err>,
    ask: impl FnOnce(Failure<R::Err>) -> A,
) -> impl Future<Output = Result<R::Ok, Failure<R::Err>>>
where
    R: Fallible<Err: Classify>,
    A: Answer<R, When>,
{
    let asked = asked(fallback, failure, ask);
    async move { asked?.await.into_outcome() }
}

/// The same under the deadline of the call, which may have passed: what remains of it, or a tenth of it.
///
/// # Errors
///
/// Its own, the failure, or that the deadline has passed.
pub fn answer_within<R, When, A>(
    fallback: &Fallback,
    failure: Failure<R::Err>,
    ask: impl FnOnce(Failure<R::Err>) -> A,
    due: Due,
) -> impl Future<Output = Result<R::Ok, Failure<R::Err>>>
where
    R: Fallible<Err: Classify>,
    A: Answer<R, When>,
{
    let asked = asked(fallback, failure, ask);
    async move { Attempt::begun(asked?, due.for_fallback()).await }
}

fn asked<R, When, A>(
    fallback: &Fallback,
    failure: Failure<R::Err>,
    ask: impl FnOnce(Failure<R::Err>) -> A,
) -> Result<A::Future, Failure<R::Err>>
where
    R: Fallible<Err: Classify>,
    A: Answer<R, When>,
{
    if A::IS_LATER && context::deadline().is_some_and(|due| due.remaining().is_zero()) {
        return Err(failure);
    }
    fallback.tell(&failure);
    Ok(ask(failure).into_answer())
}
