//! Tokens -> spanned arguments: one file an attribute.

mod arguments;
mod bulkhead;
mod circuit_breaker;
mod deadline;
mod durable;
mod duration;
mod fallback;
pub(crate) mod function;
mod keyed;
mod likely;
mod non_idempotent;
mod outside_transaction;
mod retry;
mod semaphore;
pub(crate) mod siblings;
mod timeout;
mod transactional;
mod values;

pub(crate) use bulkhead::BulkheadArguments;
pub(crate) use circuit_breaker::CircuitBreakerArguments;
pub(crate) use deadline::DeadlineArguments;
pub(crate) use durable::DurableArguments;
pub(crate) use fallback::FallbackArguments;
pub(crate) use non_idempotent::NonIdempotentArguments;
pub(crate) use outside_transaction::OutsideTransactionArguments;
pub(crate) use retry::RetryArguments;
pub(crate) use semaphore::SemaphoreArguments;
pub(crate) use timeout::TimeoutArguments;
pub(crate) use transactional::TransactionalArguments;

use crate::diagnostics::{self, Errors};
use crate::model::Kind;
use crate::model::Written;
use arguments::{Fields, Item};
use proc_macro2::{Span, TokenStream};
use syn::{Expr, ExprPath, Lit, Meta, Path};

/// The arguments of one attribute, as written.
pub(crate) trait Arguments: Fields {
    /// What they become.
    type Model;
    /// What to write, in one line.
    const EXAMPLE: &'static str;

    /// Takes the value that stands alone, as in `#[timeout("5s")]`; `false` if this attribute has none.
    fn positional(&mut self, _value: &Expr, _errors: &mut Errors) -> bool {
        false
    }

    /// The argument that a value standing alone was most likely meant for.
    fn meant_by(_value: &Lit) -> Option<&'static str> {
        None
    }

    /// The `crate = path` of this attribute.
    fn crate_path(&mut self) -> Option<Path>;

    /// Checks what belongs together within this attribute.
    fn into_model(self, span: Span, given: &Given, errors: &mut Errors) -> Option<Self::Model>;
}

/// What stands in one attribute, readable or not: a mistake in an argument is no second mistake for lack of it.
#[derive(Default)]
pub(crate) struct Given {
    /// The names that could be read, in the order written.
    names: Vec<Path>,
    /// The names that were meant by what could not be read.
    meant: Vec<&'static str>,
    /// Whether anything could not be read.
    unread: bool,
}

impl Given {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|path| path.is_ident(name)) || self.meant.contains(&name)
    }
}

/// Reads one attribute: every mistake in it is reported, none hides another.
pub(crate) fn read<A: Arguments>(written: &Written, errors: &mut Errors) -> Option<(A::Model, Option<Path>)> {
    let kind = written.kind;
    let items = match arguments::items(written.arguments.clone()) {
        Ok(items) => items,
        Err(error) => {
            errors.push(diagnostics::unreadable(error.span(), &error, kind, A::EXAMPLE));
            return None;
        }
    };
    let before = errors.count();
    let mut given = Given::default();
    let mut arguments = A::default();
    let mut alone: Vec<Expr> = Vec::new();
    for item in items {
        match item {
            Item::Alone(value) => alone.push(value),
            Item::Unreadable(path, at) => {
                errors.push(diagnostics::unreadable(at, &"a value cannot be read", kind, A::EXAMPLE));
                given.meant.extend(known::<A>(&path));
            }
            Item::Named(Meta::Path(constant)) if is_constant(&constant) => {
                alone.push(Expr::Path(ExprPath { attrs: Vec::new(), qself: None, path: constant }));
            }
            Item::Named(meta) => accept(&mut arguments, &meta, kind, &mut given, errors),
        }
    }
    let mut takes_one = false;
    for (index, value) in alone.iter().enumerate() {
        if index == 0 {
            takes_one = arguments.positional(value, errors);
        } else if takes_one {
            errors.push(diagnostics::second_value(value, kind, A::EXAMPLE));
        }
        if !takes_one {
            let meant = literal(value).and_then(A::meant_by);
            errors.push(diagnostics::stray_value(value, kind, meant, A::EXAMPLE));
        }
    }
    given.unread = errors.count() > before;
    let path = arguments.crate_path();
    let model = arguments.into_model(written.span, &given, errors)?;
    (!given.unread).then_some((model, path))
}

/// Takes a named argument that is known, new and readable; else says what is wrong with it.
fn accept<A: Arguments>(arguments: &mut A, meta: &Meta, kind: Kind, given: &mut Given, errors: &mut Errors) {
    let path = meta.path();
    if known::<A>(path).is_none() {
        let likely = likely_name(path, A::KNOWN);
        given.meant.extend(likely);
        errors.push(match (likely, owner(path)) {
            (Some(likely), _) => diagnostics::misspelt_argument(path, kind, likely),
            (None, Some(owner)) => diagnostics::argument_of_another(path, kind, owner),
            (None, None) => diagnostics::unknown_argument(path, kind, A::KNOWN, A::EXAMPLE),
        });
    } else if given.names.iter().any(|name| name.get_ident() == path.get_ident()) {
        errors.push(diagnostics::duplicate_argument(path));
    } else if let Err(error) = arguments.set(meta) {
        given.meant.extend(known::<A>(path));
        errors.push(error);
    } else {
        given.names.push(path.clone());
    }
}

fn known<A: Fields>(path: &Path) -> Option<&'static str> {
    A::KNOWN.iter().copied().find(|name| path.is_ident(name))
}

/// The known name that a misspelt one resembles.
fn likely_name(path: &Path, known: &[&'static str]) -> Option<&'static str> {
    let written = path.get_ident()?.to_string();
    // The database is what a transaction is opened on.
    if written == "db" && known.contains(&"tx") {
        return Some("tx");
    }
    let closest = known.iter().map(|name| (strsim::damerau_levenshtein(&written, name), *name)).min();
    closest.filter(|(distance, name)| *distance <= name.len() / 2).map(|(_, name)| name)
}

/// The attribute that an argument belongs to.
fn owner(path: &Path) -> Option<Kind> {
    let retry = known::<RetryArguments>(path).map(|_| Kind::Retry);
    let breaker = || known::<CircuitBreakerArguments>(path).map(|_| Kind::CircuitBreaker);
    let fallback = || known::<FallbackArguments>(path).map(|_| Kind::Fallback);
    let timeout = || known::<TimeoutArguments>(path).map(|_| Kind::Timeout);
    let semaphore = || known::<SemaphoreArguments>(path).map(|_| Kind::Semaphore);
    let bulkhead = || known::<BulkheadArguments>(path).map(|_| Kind::Bulkhead);
    let transactional = || known::<TransactionalArguments>(path).map(|_| Kind::Transactional);
    let durable = || known::<DurableArguments>(path).map(|_| Kind::Durable);
    retry
        .or_else(breaker)
        .or_else(timeout)
        .or_else(semaphore)
        .or_else(bulkhead)
        .or_else(fallback)
        .or_else(transactional)
        .or_else(durable)
}

/// `LIMIT`, `limits::LIMIT`: no argument of ours is written in capitals.
fn is_constant(path: &Path) -> bool {
    path.segments.last().is_some_and(|last| last.ident.to_string().starts_with(|c: char| c.is_ascii_uppercase()))
}

fn literal(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(literal) => Some(&literal.lit),
        _ => None,
    }
}

/// Unread arguments but for those that stand in the function itself and not in a static.
pub(crate) fn in_statics(kind: Kind, tokens: TokenStream) -> TokenStream {
    let in_function: &[&str] = match kind {
        Kind::Fallback => &["value", "with", "key"],
        Kind::Transactional => &["tx", "once", "fingerprint"],
        Kind::Durable => &["db", "per", "verify", "compensate", "applied", "undone"],
        _ => &["key"],
    };
    let Ok(items) = arguments::items(tokens.clone()) else { return tokens };
    let named = items.into_iter().filter_map(|item| match item {
        Item::Named(meta) if !in_function.iter().any(|name| meta.path().is_ident(name)) => Some(meta),
        _ => None,
    });
    named.map(|meta| quote::quote!(#meta,)).collect()
}

/// The `crate = path` among unread arguments, needed to recognise siblings spelled with that path.
pub(crate) fn crate_path(tokens: &TokenStream) -> Option<Path> {
    let items = arguments::items(tokens.clone()).ok()?;
    items.into_iter().find_map(|item| match item {
        Item::Named(Meta::NameValue(pair)) if pair.path.is_ident("crate") => match pair.value {
            Expr::Path(path) => Some(path.path),
            _ => None,
        },
        _ => None,
    })
}
