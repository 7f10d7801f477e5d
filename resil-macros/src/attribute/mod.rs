//! Our attributes: the table of them, and what each must say of itself. Everything else about an attribute is in the
//! file of its name.

mod between;
mod bulkhead;
mod circuit_breaker;
mod deadline;
mod durable;
mod fallback;
mod non_idempotent;
mod outside_transaction;
mod retry;
mod semaphore;
mod timeout;
mod transactional;

pub(crate) use between::{database_is_there, order, rules_of_models, rules_of_writing};

use crate::errors::Errors;
use crate::expand::{Call, Context, Keyed, Mark, Needs};
use crate::function::Function;
use crate::read::{Arguments, Given};
use crate::stack::Written;
use crate::tokens::Local;
use proc_macro2::{Ident, Span, TokenStream};
use syn::{Expr, Lit, Path, Signature};

/// The table: our attributes, in the one right order, outermost first.
macro_rules! table {
    ($of:ident) => {
        $of! {
            durable: Durable,
            outside_transaction: OutsideTransaction,
            non_idempotent: NonIdempotent,
            fallback: Fallback,
            deadline: Deadline,
            retry: Retry,
            circuit_breaker: CircuitBreaker,
            semaphore: Semaphore,
            bulkhead: Bulkhead,
            timeout: Timeout,
            transactional: Transactional,
        }
    };
}
pub(crate) use table;

macro_rules! kinds {
    ($($name:ident: $Model:ident,)*) => {
        /// Our attributes, in order.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Kind { $($Model,)* }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$Model,)*];

            pub(crate) fn facts(self) -> &'static Facts {
                match self {
                    $(Self::$Model => const { &Facts::of::<$name::$Model>(stringify!($name)) },)*
                }
            }
        }

        /// The attributes of one function, valid each by itself.
        #[derive(Default)]
        pub(crate) struct Models { $($name: Option<$name::$Model>,)* }

        impl Models {
            /// Reads one attribute into its place; `false` if that could not be done.
            pub(crate) fn read(&mut self, written: &Written, errors: &mut Errors) -> bool {
                match written.kind {
                    $(Kind::$Model => {
                        self.$name = crate::read::read(written, errors);
                        self.$name.is_some()
                    })*
                }
            }

            /// All of them, outermost first.
            pub(crate) fn layers(&self) -> Layers<'_> {
                let mut layers: Layers<'_> = Vec::new();
                $(layers.extend(self.$name.as_ref().map(|model| (Kind::$Model, model as &dyn Layer)));)*
                layers
            }
        }
    };
}
table!(kinds);

/// The attributes of one function, outermost first.
pub(crate) type Layers<'a> = Vec<(Kind, &'a dyn Layer)>;

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

    /// The argument that a value by itself was most likely meant for, where there is no place for one.
    fn meant_by(_value: &Lit) -> Option<&'static str> {
        None
    }

    /// Checks what belongs together within this attribute.
    fn new(arguments: Self::Arguments, given: &Given, errors: &mut Errors) -> Option<Self>;

    /// The body, where a mistake takes the attribute off: nothing in it fails for lack of it.
    fn without(body: TokenStream, _arguments: &TokenStream, _signature: &Signature, _runtime: &Path) -> TokenStream {
        body
    }

    /// Rules about the function that need no argument.
    fn fits(_function: &Function, _span: Span, _errors: &mut Errors) {}
}

/// What an attribute does to the function under it. Only `around` is a layer in the narrow sense; each has a default
/// that does nothing.
#[expect(unused_variables, reason = "defaults")]
pub(crate) trait Layer {
    /// What it asks of others: gathered from all attributes before anything is checked or written.
    fn needs(&self, needs: &mut Needs, function: &Function) {}

    /// Rules about its arguments and the function.
    fn check(&self, cx: &Context<'_>, errors: &mut Errors) {}

    /// What the future says in its type.
    fn mark(&self) -> Option<&dyn Mark> {
        None
    }

    /// The constant expression that makes its handle, after the type's name.
    fn handle(&self, cx: &Context<'_>) -> Option<TokenStream> {
        None
    }

    /// What has a state of its own.
    fn keyed(&self) -> Option<&Keyed> {
        None
    }

    /// What stands before everything else.
    fn first(&self, cx: &Context<'_>) -> Option<TokenStream> {
        None
    }

    /// The body that becomes the attempt, with what this attribute puts around it there.
    fn within(&self, body: TokenStream, capture: Option<&TokenStream>, cx: &Context<'_>) -> TokenStream {
        body
    }

    /// How what is inside leaves this layer with an outcome of its own, if it cannot just go on outwards.
    fn exit(&self) -> Option<TokenStream> {
        None
    }

    /// Whether it may refuse what is inside, through the nearest `exit` around it.
    fn admits(&self) -> bool {
        false
    }

    /// What is inside, with this attribute around it.
    fn around(&self, inside: Call, exit: &TokenStream, cx: &Context<'_>) -> Call {
        inside
    }

    /// Items beside the function.
    fn beside(&self, cx: &Context<'_>) -> Option<TokenStream> {
        None
    }
}

/// Where an attribute stands.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// It says what the function does, in the type of its future, and so is right on a declaration too.
    Mark,
    /// It puts something beside the function.
    Beside,
    /// It guards the call.
    Policy,
}

/// What a call site keeps of an attribute: the local, and the runtime's type. Its static has the local's name.
#[derive(Clone, Copy)]
pub(crate) struct Handle {
    pub(crate) local: Local,
    pub(crate) type_name: &'static str,
}

/// What is known of an attribute by its name alone.
pub(crate) struct Facts {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) can_refuse: bool,
    pub(crate) needs_database: bool,
    pub(crate) handle: Option<Handle>,
    pub(crate) arguments: &'static [&'static str],
    pub(crate) in_function: &'static [&'static str],
    pub(crate) fits: fn(&Function, Span, &mut Errors),
    pub(crate) without: fn(TokenStream, &TokenStream, &Signature, &Path) -> TokenStream,
}

impl Facts {
    const fn of<A: Attribute>(name: &'static str) -> Self {
        Self {
            name,
            place: A::PLACE,
            can_refuse: A::CAN_REFUSE,
            needs_database: A::NEEDS_DATABASE,
            handle: A::HANDLE,
            arguments: <A::Arguments as Arguments>::NAMES,
            in_function: A::IN_FUNCTION,
            fits: A::fits,
            without: A::without,
        }
    }
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        self.facts().name
    }

    pub(crate) fn place(self) -> Place {
        self.facts().place
    }

    pub(crate) fn named(name: &Ident) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| name == kind.name())
    }

    /// The attribute that an argument belongs to: a policy's, where others have one of that name too.
    pub(crate) fn that_has(argument: &Path) -> Option<Self> {
        let mut owners =
            Self::ALL.iter().copied().filter(|kind| kind.facts().arguments.iter().any(|name| argument.is_ident(name)));
        let first = owners.next()?;
        std::iter::once(first).chain(owners).find(|kind| kind.place() == Place::Policy).or(Some(first))
    }
}
