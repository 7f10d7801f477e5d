use crate::IdempotencyKey;
use std::borrow::Borrow;
use tonic::Request;

/// What is said of one request, before it goes through a channel of [`resil::tonic::channel`](super::channel).
///
/// ```
/// use resil::tonic::Marks as _;
/// use tonic::Request;
///
/// let read = Request::new("a message").harmless("reads only");
/// ```
pub trait Marks: Sized {
    /// Carries this key instead of the call's: for the second request of a keyed call, `.keyed(key.step("capture"))`.
    #[must_use = "it is the request to send"]
    fn keyed(self, key: impl Borrow<IdempotencyKey>) -> Self;

    /// Carries no key: for a request of a keyed call that may be sent again as it is.
    #[must_use = "it is the request to send"]
    fn unkeyed(self) -> Self;

    /// Says that this request cannot act. It carries no key, and the call does not remember it. The reason goes to the log.
    #[must_use = "it is the request to send"]
    fn harmless(self, why: &'static str) -> Self;
}

/// Which key a request is to carry.
#[derive(Debug, Clone)]
pub(super) enum Carries {
    OfTheCall,
    Own(IdempotencyKey),
    None,
    Harmless(&'static str),
}

impl<T> Marks for Request<T> {
    fn keyed(self, key: impl Borrow<IdempotencyKey>) -> Self {
        marked(self, Carries::Own(key.borrow().clone()))
    }

    fn unkeyed(self) -> Self {
        marked(self, Carries::None)
    }

    fn harmless(self, why: &'static str) -> Self {
        marked(self, Carries::Harmless(why))
    }
}

fn marked<T>(mut request: Request<T>, carries: Carries) -> Request<T> {
    request.extensions_mut().insert(carries);
    request
}
