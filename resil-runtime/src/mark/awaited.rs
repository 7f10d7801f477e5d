//! The look at a future before it is awaited: `call.resil_awaited(|call| call.resil_under_retry()).await`, and likewise
//! `resil_in_transaction`. It happens in the compiler; at run time nothing is left of it.
//!
//! `resil_under_retry` is found by one reference less where the type carries a mark, so that the marked case is chosen for
//! it, and the other for every other type, a type parameter included. (*Autoref specialisation.*)

use super::{NonIdempotent, OutsideTransaction};
use crate::Attempt;
use std::fmt;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

/// The type of what is about to be awaited.
pub struct Awaited<T: ?Sized>(PhantomData<fn(&T)>);

impl<T: ?Sized> fmt::Debug for Awaited<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Awaited")
    }
}

/// Everything can be awaited as before.
pub trait Awaiting: Sized {
    /// The call itself; the closure sees its type, and never runs.
    #[must_use]
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "hands its argument back")]
    fn resil_awaited(self, _look: impl FnOnce(&Awaited<Self>)) -> Self {
        self
    }
}

impl<T> Awaiting for T {}

/// A future that does, somewhere in its layers, what must not be repeated.
pub trait NotRepeatable {}

impl<F> NotRepeatable for NonIdempotent<F> {}

/// The layers through which a mark is seen.
macro_rules! seen_through {
    ($mark:ident) => {
        impl<F: $mark + ?Sized> $mark for &mut F {}
        impl<F: $mark + ?Sized> $mark for Box<F> {}
        impl<P: std::ops::Deref<Target: $mark>> $mark for Pin<P> {}
        impl<F: $mark> $mark for AssertUnwindSafe<F> {}
        impl<F: $mark> $mark for Attempt<'_, F> {}
        impl<F: $mark> $mark for tokio::time::Timeout<F> {}
        #[cfg(feature = "tracing")]
        impl<F: $mark> $mark for tracing::instrument::Instrumented<F> {}
        #[cfg(feature = "tracing")]
        impl<F: $mark> $mark for tracing::instrument::WithDispatch<F> {}
    };
}
seen_through!(NotRepeatable);
impl<F: NotRepeatable> NotRepeatable for OutsideTransaction<F> {}

/// A future that, somewhere in its layers, calls out.
pub trait CallsOut {}

impl<F> CallsOut for OutsideTransaction<F> {}
seen_through!(CallsOut);
impl<F: CallsOut> CallsOut for NonIdempotent<F> {}

/// Never implemented: what a marked call would have to be.
#[diagnostic::on_unimplemented(
    message = "an operation that must not be repeated is awaited under `#[retry(idempotent)]`",
    label = "marked `#[non_idempotent]`: a second attempt may do it twice",
    note = "write this call in a function of its own, outside the retry",
    note = "or repeat only what was never sent: `#[retry(unsent)]`",
    note = "or, if the partner recognises a repeat by its key: `#[retry(idempotency_key = key)]`"
)]
pub trait Repeatable {}

/// The marked case.
pub trait UnderRetry {
    #[doc(hidden)]
    type Call: ?Sized;
    /// Does not compile.
    fn resil_under_retry(&self)
    where
        Self::Call: Repeatable;
}

impl<T: NotRepeatable + ?Sized> UnderRetry for Awaited<T> {
    type Call = T;
    fn resil_under_retry(&self)
    where
        T: Repeatable,
    {
    }
}

/// Never implemented: what a marked fallback would have to be.
#[diagnostic::on_unimplemented(
    message = "this fallback is marked `#[non_idempotent]`: it may do again what the call has already done",
    label = "acts, although the outcome of the call may be unknown",
    note = "answer only what was certainly never done: `#[fallback(with = .., unsent)]`",
    note = "or say why it is harmless: `#[fallback(with = .., acts = \"the reason\")]`"
)]
pub trait FallbackThatActs {}

/// The marked case.
pub trait UnderFallback {
    #[doc(hidden)]
    type Call: ?Sized;
    /// Does not compile.
    fn resil_under_fallback(&self)
    where
        Self::Call: FallbackThatActs;
}

impl<T: NotRepeatable + ?Sized> UnderFallback for Awaited<T> {
    type Call = T;
    fn resil_under_fallback(&self)
    where
        T: FallbackThatActs,
    {
    }
}

/// Never implemented: what an external call would have to be.
#[diagnostic::on_unimplemented(
    message = "an external call is awaited inside a database transaction",
    label = "marked `#[outside_transaction]`: it would hold a connection for as long as the partner takes",
    note = "call it before the transaction, and hand in what it answers",
    note = "or after the commit: `resil::after(async move {{ .. }})`",
    note = "or, if it must be here: `resil::allow(\"the reason\", call).await`"
)]
pub trait KeptInside {}

/// The marked case.
pub trait InTransaction {
    #[doc(hidden)]
    type Call: ?Sized;
    /// Does not compile.
    fn resil_in_transaction(&self)
    where
        Self::Call: KeptInside;
}

impl<T: CallsOut + ?Sized> InTransaction for Awaited<T> {
    type Call = T;
    fn resil_in_transaction(&self)
    where
        T: KeptInside,
    {
    }
}

/// The case of every other future.
pub trait Unmarked {
    /// Compiles.
    fn resil_under_retry(&self) {}
    /// Compiles.
    fn resil_under_fallback(&self) {}
    /// Compiles.
    fn resil_in_transaction(&self) {}
}

impl<T: ?Sized> Unmarked for &Awaited<T> {}
