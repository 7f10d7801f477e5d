use super::{Error, Verdict, chain};
use std::error::Error as StdError;

/// What an error means to retry, circuit breaker and fallback.
///
/// Derive it on your error enum; every variant says what it is, none is forgotten:
///
/// ```
/// use resil::Classify;
///
/// #[derive(Debug, Classify)]
/// enum GatewayError {
///     #[classify(transient)]
///     Busy,
///     #[classify(transient, unsent)]
///     NoConnection,
///     #[classify(permanent)]
///     Undecodable,
///     #[classify(caller)]
///     UnknownOrder,
///     #[classify(delegate)]
///     Io(std::io::Error),
///     #[classify(status)]
///     Http(u16),
/// }
///
/// assert!(GatewayError::Http(503).verdict().is_transient());
/// ```
///
/// Ready for `std::io::Error`, `Box<dyn Error + Send + Sync>`, `resil::Error`, `std::convert::Infallible` and, behind
/// the features of the same names, `http::StatusCode`, `reqwest::Error`, `tonic::Status` and `anyhow::Error`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what its failures mean",
    label = "retry and circuit breaker decide from a verdict: `Classify` is missing",
    note = "if it is your own enum, write `#[derive(resil::Classify)]` above it and mark each variant:\n\
            `#[classify(caller)]`      the request is to blame, as for \"not found\": opens no circuit\n\
            `#[classify(transient)]`   it may succeed later: repeated where that is safe\n\
            `#[classify(permanent)]`   it will not succeed later, and counts towards opening a circuit\n\
            `#[classify(delegate)]`, `#[classify(status)]`   the field knows",
    note = "if it is another crate's type, return `resil::http::Error` for HTTP (feature `http`), or an enum of your \
            own\nwith a variant for each meaning that it can have:\n\
            `#[classify(caller)] NotFound({Self}), #[classify(transient)] Unavailable({Self}), ..`"
)]
pub trait Classify {
    /// What this error means.
    fn verdict(&self) -> Verdict;

    /// Whether it refuses by intent, as `applied` of a `#[durable]` function does where it cannot take what was paid for:
    /// then the ledger cancels with the partner. So it is asked of the error itself, and never of one inside it: a database
    /// that finds fault with a statement refuses nothing.
    ///
    /// The derive says so of each variant that is marked `caller`. Without it, none does.
    fn is_refusal(&self) -> bool {
        false
    }
}

/// An error type that can hold a refusal of ours; implemented for everything with `From<resil::Error>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold a refusal of resil: `From<resil::Error>` is missing",
    label = "an open circuit or a timeout has no place in this type",
    note = "if it is your own enum, add a variant `Policy(resil::Error)`, and if it is another crate's type, return one that \
            holds it:\n\
            `enum MyError {{ Call({Self}), Policy(resil::Error) }}`\n\
            `impl From<resil::Error> for MyError {{ fn from(error: resil::Error) -> Self {{ Self::Policy(error) }} }}`",
    note = "for HTTP, `resil::http::Error` is ready (feature `http`)"
)]
pub trait Represents: Sized {
    /// The refusal as this type.
    fn represent(error: Error) -> Self;
}

// So that rustc names the type, and not what some `From` of another crate would ask for.
#[diagnostic::do_not_recommend]
impl<E: From<Error>> Represents for E {
    #[inline]
    fn represent(error: Error) -> Self {
        Self::from(error)
    }
}

impl<T: Classify + ?Sized> Classify for &T {
    fn verdict(&self) -> Verdict {
        (**self).verdict()
    }

    fn is_refusal(&self) -> bool {
        (**self).is_refusal()
    }
}

impl<T: Classify + ?Sized> Classify for Box<T> {
    fn verdict(&self) -> Verdict {
        (**self).verdict()
    }

    fn is_refusal(&self) -> bool {
        (**self).is_refusal()
    }
}

impl<T: Classify + ?Sized> Classify for std::sync::Arc<T> {
    fn verdict(&self) -> Verdict {
        (**self).verdict()
    }

    fn is_refusal(&self) -> bool {
        (**self).is_refusal()
    }
}

impl Classify for std::convert::Infallible {
    fn verdict(&self) -> Verdict {
        match *self {}
    }
}

impl Classify for std::io::Error {
    fn verdict(&self) -> Verdict {
        chain::io(self)
    }
}

impl Classify for dyn StdError + Send + Sync + 'static {
    fn verdict(&self) -> Verdict {
        chain::walk(self)
    }
}

#[cfg(feature = "anyhow")]
impl Classify for anyhow::Error {
    fn verdict(&self) -> Verdict {
        chain::walk(self.as_ref())
    }
}

#[cfg(feature = "http")]
impl Classify for http::StatusCode {
    fn verdict(&self) -> Verdict {
        Verdict::status(self.as_u16())
    }
}

#[cfg(feature = "reqwest")]
impl Classify for reqwest::Error {
    fn verdict(&self) -> Verdict {
        chain::reqwest(self)
    }
}
