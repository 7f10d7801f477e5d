//! The attributes of [`resil`](https://docs.rs/resil). Use them through the `resil` crate, whose documentation has
//! the rules, cheat sheets and errors of each.
//!
//! This crate knows syntax only: it reads attributes and writes calls. `attribute` has a file for each of them, and the
//! table they are listed in. `stack` drives: `function` finds the body, `read` the arguments, `expand` folds the attributes
//! around it.

#![forbid(unsafe_code)]
#![deny(unreachable_pub)]

mod attribute;
mod classify;
mod errors;
mod expand;
mod function;
mod paths;
mod read;
#[cfg(test)]
mod snapshots;
mod stack;
mod tokens;

use proc_macro::TokenStream;

/// A door for each line of the table, with its page.
macro_rules! doors {
    ($($name:ident: $Model:ident,)*) => {$(
        #[doc = include_str!(concat!("../docs/", stringify!($name), ".md"))]
        #[proc_macro_attribute]
        pub fn $name(arguments: TokenStream, item: TokenStream) -> TokenStream {
            stack::expand(attribute::Kind::$Model, arguments.into(), item.into()).into()
        }
    )*};
}
attribute::table!(doors);

#[doc = include_str!("../docs/classify.md")]
#[proc_macro_derive(Classify, attributes(classify))]
pub fn classify(item: TokenStream) -> TokenStream {
    classify::derive(item.into()).into()
}
