//! The attributes of [`resil`](https://docs.rs/resil). Use them through the `resil` crate, whose documentation has
//! the rules, cheat sheets and errors of each.
//!
//! This crate knows syntax only: it reads attributes and writes calls. `stack` drives `parse`, `check` and `expand`,
//! which meet in `model`.

#![forbid(unsafe_code)]

mod check;
mod derive;
mod diagnostics;
mod expand;
mod model;
mod parse;
mod paths;
#[cfg(test)]
mod snapshots;
mod stack;

use model::Kind;
use proc_macro::TokenStream;

#[doc = include_str!("../docs/retry.md")]
#[proc_macro_attribute]
pub fn retry(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stack::expand(Kind::Retry, arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/circuit_breaker.md")]
#[proc_macro_attribute]
pub fn circuit_breaker(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stack::expand(Kind::CircuitBreaker, arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/semaphore.md")]
#[proc_macro_attribute]
pub fn semaphore(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stack::expand(Kind::Semaphore, arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/bulkhead.md")]
#[proc_macro_attribute]
pub fn bulkhead(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stack::expand(Kind::Bulkhead, arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/timeout.md")]
#[proc_macro_attribute]
pub fn timeout(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stack::expand(Kind::Timeout, arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/deadline.md")]
#[proc_macro_attribute]
pub fn deadline(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stack::expand(Kind::Deadline, arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/fallback.md")]
#[proc_macro_attribute]
pub fn fallback(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stack::expand(Kind::Fallback, arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/non_idempotent.md")]
#[proc_macro_attribute]
pub fn non_idempotent(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stack::expand(Kind::NonIdempotent, arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/outside_transaction.md")]
#[proc_macro_attribute]
pub fn outside_transaction(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stack::expand(Kind::OutsideTransaction, arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/transactional.md")]
#[proc_macro_attribute]
pub fn transactional(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stack::expand(Kind::Transactional, arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/durable.md")]
#[proc_macro_attribute]
pub fn durable(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stack::expand(Kind::Durable, arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/classify.md")]
#[proc_macro_derive(Classify, attributes(classify))]
pub fn classify(item: TokenStream) -> TokenStream {
    derive::classify(item.into()).into()
}
