//! What each attribute must say of itself, beside what it does to a function.

use super::facts::{Facts, Handle, Place};
use crate::errors::Errors;
use crate::expand::Layer;
use crate::function::Function;
use crate::read::{Arguments, Given, named_bound};
use proc_macro2::{Span, TokenStream};
use syn::{Expr, Lit, Meta, Path, Signature};

/// What an attribute says of itself before it is read.
pub(crate) trait Attribute: Layer + Sized {
    type Arguments: Arguments;
    /// What to write, in one line.
    const EXAMPLE: &'static str;
    const PLACE: Place = Place::Policy;
    /// Whether it may answer instead of the body.
    const CAN_REFUSE: bool = true;
    /// Whether the runtime has it only with a database.
    const NEEDS_DATABASE: bool = false;
    /// What its call site keeps of it.
    const HANDLE: Option<Handle> = None;
    /// The arguments that stand in the function itself and not in a static.
    const IN_FUNCTION: &'static [&'static str] = &["key"];
    /// Names that it has not, and what is meant by them.
    const ALIASES: &'static [(&'static str, &'static str)] = &[];
    /// Whether it takes a value by itself, as in `#[timeout("5s")]`.
    const STANDS_ALONE: bool = false;

    /// Takes that value.
    fn alone(_arguments: &mut Self::Arguments, _value: &Expr, _errors: &mut Errors) {}

    /// What that value was given a name for, which it has not: as it is to be written.
    fn named(meta: &Meta) -> Option<String> {
        named_bound(meta)
    }

    /// The argument that a value by itself was most likely meant for, where there is no place for one.
    fn meant_by(_value: &Lit) -> Option<&'static str> {
        None
    }

    /// The argument that a name by itself was most likely meant for.
    const TAKES_A_NAME: Option<&'static str> = None;

    /// Checks what belongs together within this attribute.
    fn new(arguments: Self::Arguments, given: &Given, errors: &mut Errors) -> Option<Self>;

    /// The body, where a mistake takes the attribute off: nothing in it fails for lack of it.
    fn without(body: TokenStream, _arguments: &TokenStream, _signature: &Signature, _runtime: &Path) -> TokenStream {
        body
    }

    /// Rules about the function that need no argument.
    fn fits(_function: &Function, _span: Span, _errors: &mut Errors) {}
}

impl Facts {
    pub(super) const fn of<A: Attribute>(name: &'static str) -> Self {
        Self {
            name,
            place: A::PLACE,
            can_refuse: A::CAN_REFUSE,
            needs_database: A::NEEDS_DATABASE,
            handle: A::HANDLE,
            arguments: <A::Arguments as Arguments>::NAMES,
            in_function: A::IN_FUNCTION,
        }
    }
}
