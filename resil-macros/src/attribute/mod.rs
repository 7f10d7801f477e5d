//! Our attributes: the table of them. Everything about an attribute is in the file of its name.

mod about;
pub(crate) mod between;
mod bulkhead;
mod circuit_breaker;
mod deadline;
mod durable;
pub(crate) mod facts;
mod fallback;
mod non_idempotent;
mod outside_transaction;
mod rate_limit;
mod reading;
mod retry;
mod semaphore;
mod timeout;
mod transactional;
mod written;

pub(crate) use written::Written;

use crate::errors::Errors;
use crate::expand::{Layer, Layers};
use crate::function::Function;
use about::Attribute as _;
use facts::{Facts, Place};
use proc_macro2::{Ident, Span, TokenStream};
use reading::read;
use syn::{Path, Signature};

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
            rate_limit: RateLimit,
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

            /// Its rules about the function that need no argument.
            pub(crate) fn fits(self, function: &Function, span: Span, errors: &mut Errors) {
                match self {
                    $(Self::$Model => $name::$Model::fits(function, span, errors),)*
                }
            }

            /// The body, where a mistake takes it off.
            pub(crate) fn without(
                self,
                body: TokenStream,
                arguments: &TokenStream,
                signature: &Signature,
                runtime: &Path,
            ) -> TokenStream {
                match self {
                    $(Self::$Model => $name::$Model::without(body, arguments, signature, runtime),)*
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
                        self.$name = read(written, errors);
                        self.$name.is_some()
                    })*
                }
            }

            /// All of them, outermost first.
            pub(crate) fn layers(&self) -> Layers<'_> {
                let mut layers: Layers<'_> = Vec::new();
                $(layers.extend(self.$name.as_ref().map(|model| (Kind::$Model.facts(), model as &dyn Layer)));)*
                layers
            }
        }
    };
}
table!(kinds);

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
