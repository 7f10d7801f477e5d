//! The struct that an attribute's arguments are read into, and what its fields are.

use super::PathTo;
use crate::tokens::{code, hygienic};
use darling::FromMeta;
use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use std::ops::Deref;
use syn::spanned::Spanned;
use syn::{Expr, Meta};

/// The named arguments of one attribute.
pub(crate) trait Arguments: FromMeta {
    /// Every argument's name.
    const NAMES: &'static [&'static str];
}

/// The struct of one attribute: each argument with its name, its type and a value that it usually has, for messages;
/// in brackets, a value that stands alone.
///
/// The fields can only hold a `Value` of ours: of `Expr`, `Path`, `u32` or `f64`, `darling` would read `"KRW"` as a path
/// and `"20"` as a number.
macro_rules! arguments {
    ($([$alone:ident: $alone_type:ty])? $($name:ident: $type:ty $(= $usual:expr)?,)*) => {
        #[derive(darling::FromMeta)]
        pub(crate) struct Arguments {
            $(#[darling(skip)] $alone: Option<$alone_type>,)?
            $(
                #[darling(default, with = |meta| $crate::read::Argument::<$type>::read(meta, concat!($(stringify!($usual))?)).map(Some))]
                $name: Option<$crate::read::Argument<$type>>,
            )*
        }

        impl $crate::read::Arguments for Arguments {
            const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];
        }
    };
}
pub(crate) use arguments;

/// What an argument can be.
pub(crate) trait Value: FromMeta {
    /// What is wanted, in words.
    const WANTS: &'static str;

    /// What was most likely meant by something else, next to what is usual.
    fn meant(_written: &Expr, _usual: &str) -> Option<String> {
        None
    }

    /// What to type.
    fn line(name: &Ident, value: &str) -> String {
        if value.is_empty() { name.to_string() } else { format!("{name} = {value}") }
    }
}

/// An argument as it was written.
pub(crate) struct Argument<T> {
    /// Its name.
    pub(crate) key: Ident,
    pub(crate) value: T,
    /// Where the value stands; the name, if it has none.
    pub(crate) at: Span,
}

impl<T: Value> Argument<T> {
    /// Reads it, or says what was wanted and what to type: what was most likely meant, or what is usual.
    pub(crate) fn read(meta: &Meta, usual: &str) -> darling::Result<Self> {
        let key = meta.path().require_ident()?.clone();
        match T::from_meta(meta) {
            Ok(value) => {
                let at = if let Meta::NameValue(pair) = meta { pair.value.span() } else { key.span() };
                Ok(Self { key, value, at })
            }
            Err(_) => {
                let written = as_written(meta);
                let meant = written.as_ref().and_then(|written| T::meant(written, usual));
                let line = T::line(&key, meant.as_deref().unwrap_or(usual));
                Err(darling::Error::custom(format!("`{key}` is {}; write `{line}`", T::WANTS)))
            }
        }
    }
}

/// The value of `name = value` or `name(value)`.
fn as_written(meta: &Meta) -> Option<Expr> {
    match meta {
        Meta::NameValue(pair) => Some(pair.value.clone()),
        Meta::List(list) => list.parse_args().ok(),
        Meta::Path(_) => None,
    }
}

impl<T> Deref for Argument<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ToTokens> ToTokens for Argument<T> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.value.to_tokens(tokens);
    }
}

/// The constructor of a policy that needs one value: `new(10)`, `of(PARTNER)`, or the set with what is written beside it.
pub(crate) fn new_or_of<T: ToTokens>(
    value: Option<(&str, &T)>,
    settings: Option<&Argument<PathTo>>,
    type_of_settings: &TokenStream,
    new: &str,
) -> Option<TokenStream> {
    let name = |name| Ident::new(name, hygienic());
    let new = name(new);
    Some(match (value, settings) {
        (Some((_, value)), None) => code!(#new(#value)),
        (None, Some(settings)) => code!(of(#settings)),
        (Some((field, value)), Some(settings)) => {
            let field = name(field);
            code!(of(#type_of_settings { #field: #value, ..#settings }))
        }
        (None, None) => return None,
    })
}

/// `.attempts(3)` for an argument that was written: the runtime's setters have the arguments' names.
pub(crate) fn set<T: ToTokens>(argument: Option<&Argument<T>>) -> Option<TokenStream> {
    let Argument { key, value, .. } = argument?;
    let setter = Ident::new(&key.to_string(), hygienic());
    Some(code!(.#setter(#value)))
}
