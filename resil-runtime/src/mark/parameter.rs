//! The look at a parameter of an external call: a transaction in it does not compile. As for futures, it happens in the
//! compiler.

use std::fmt;
use std::marker::PhantomData;

/// The type of a parameter.
pub struct Parameter<T: ?Sized>(PhantomData<fn(&T)>);

impl<T: ?Sized> fmt::Debug for Parameter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parameter")
    }
}

/// Lets the closure see the type of a parameter; it never runs.
#[inline]
pub fn parameter<T: ?Sized>(_parameter: &T, _look: impl FnOnce(&Parameter<T>)) {}

/// An open transaction.
pub trait Transaction {}

impl<T: Transaction + ?Sized> Transaction for &T {}
impl<T: Transaction + ?Sized> Transaction for &mut T {}
impl<T: Transaction + ?Sized> Transaction for Box<T> {}

/// Never implemented: what a parameter that holds a transaction would have to be.
#[diagnostic::on_unimplemented(
    message = "an external call takes part in a database transaction",
    label = "this holds a connection for as long as the partner takes",
    note = "take the values that the call needs, and write what it answers in a transaction of its own, afterwards"
)]
pub trait HoldsNothing {}

/// The case of a transaction.
pub trait TransactionParameter {
    #[doc(hidden)]
    type Type: ?Sized;
    /// Does not compile.
    fn resil_stays_outside(&self)
    where
        Self::Type: HoldsNothing;
}

impl<T: Transaction + ?Sized> TransactionParameter for Parameter<T> {
    type Type = T;
    fn resil_stays_outside(&self)
    where
        T: HoldsNothing,
    {
    }
}

/// The case of every other parameter.
pub trait OtherParameter {
    /// Compiles.
    fn resil_stays_outside(&self) {}
}

impl<T: ?Sized> OtherParameter for &Parameter<T> {}
