use crate::Error;
use std::convert::Infallible;

/// How a refusal leaves a service: as its error, or as its answer. `T` is the answer.
///
/// It is there for every error that holds a [`resil::Error`](Error), and for [`Infallible`] where the answer is a [`Refusal`].
#[diagnostic::on_unimplemented(
    message = "a refusal of resil has no way out of a service with the error `{Self}`",
    label = "neither this error nor the answer can hold a refusal",
    note = "if the error is another crate's, write `.any_error()` behind `.layer()`: it becomes a `resil::http::Error`",
    note = "if it is your own, write `impl From<resil::Error> for {Self}`",
    note = "a service that cannot fail answers with the refusal, where its answer is axum's (feature `axum`)"
)]
pub trait Refuses<T>: Sized {
    /// Whether the answers are our own, to callers of ours, and not those of a partner.
    const SERVES: bool;

    /// The refusal.
    ///
    /// # Errors
    ///
    /// The refusal, where it is no answer.
    fn refuse(error: Error) -> Result<T, Self>;
}

impl<T, E: From<Error>> Refuses<T> for E {
    const SERVES: bool = false;

    fn refuse(error: Error) -> Result<T, Self> {
        Err(Self::from(error))
    }
}

impl<T: Refusal> Refuses<T> for Infallible {
    const SERVES: bool = true;

    fn refuse(error: Error) -> Result<T, Self> {
        Ok(T::refusal(error))
    }
}

/// An answer that can say that a call was refused.
pub trait Refusal {
    /// The answer for this error.
    fn refusal(error: Error) -> Self;
}

#[cfg(feature = "axum")]
impl Refusal for axum::response::Response {
    fn refusal(error: Error) -> Self {
        axum::response::IntoResponse::into_response(error)
    }
}
