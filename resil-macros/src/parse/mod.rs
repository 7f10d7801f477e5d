//! Tokens -> spanned arguments: one file an attribute.

mod circuit_breaker;
mod deadline;
mod duration;
pub(crate) mod function;
mod retry;
pub(crate) mod siblings;
mod timeout;
mod values;

pub(crate) use circuit_breaker::CircuitBreakerArguments;
pub(crate) use deadline::DeadlineArguments;
pub(crate) use retry::RetryArguments;
pub(crate) use timeout::TimeoutArguments;

use crate::diagnostics::{self, Errors};
use crate::stack::Written;
use darling::FromMeta;
use darling::ast::NestedMeta;
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Lit, Meta, Path};

/// The arguments of one attribute, as written.
pub(crate) trait Arguments: FromMeta {
    /// What they become.
    type Model;
    /// Every argument's name.
    const KNOWN: &'static [&'static str];
    /// What to write, in one line.
    const EXAMPLE: &'static str;

    /// Takes the value that stands alone, as in `#[timeout("5s")]`; `false` if this attribute has none.
    fn positional(&mut self, _literal: &Lit, _errors: &mut Errors) -> bool {
        false
    }

    /// The `crate = path` of this attribute.
    fn crate_path(&mut self) -> Option<Path>;

    /// Checks what belongs together within this attribute.
    fn into_model(self, span: Span, errors: &mut Errors) -> Option<Self::Model>;
}

/// Reads one attribute: every mistake in it is reported, none hides another.
pub(crate) fn read<A: Arguments>(written: &Written, errors: &mut Errors) -> Option<(A::Model, Option<Path>)> {
    let kind = written.kind;
    let items = match NestedMeta::parse_meta_list(written.arguments.clone()) {
        Ok(items) => items,
        Err(error) => {
            errors.push(diagnostics::unreadable(error.span(), &error, kind, A::EXAMPLE));
            return None;
        }
    };
    let mut fine = true;
    let mut literals = Vec::new();
    let mut named: Vec<NestedMeta> = Vec::new();
    for item in items {
        match &item {
            NestedMeta::Lit(literal) => literals.push(literal.clone()),
            NestedMeta::NameValueInvalidExpr(pair) => {
                errors.push(diagnostics::unreadable(pair.value.span(), &"a value cannot be read", kind, A::EXAMPLE));
                fine = false;
            }
            NestedMeta::Meta(meta) => {
                let path = meta.path();
                let name = path.to_token_stream().to_string();
                let twice = named.iter().any(|other| matches!(other, NestedMeta::Meta(other) if other.path() == path));
                if !A::KNOWN.contains(&name.as_str()) {
                    errors.push(diagnostics::unknown_argument(path, kind, A::KNOWN));
                    fine = false;
                } else if twice {
                    errors.push(diagnostics::duplicate_argument(path));
                    fine = false;
                } else {
                    named.push(item);
                }
            }
        }
    }
    let mut arguments = match A::from_list(&named) {
        Ok(arguments) => arguments,
        Err(error) => {
            error.flatten().into_iter().for_each(|error| errors.push(error.into()));
            return None;
        }
    };
    let mut seen = false;
    for literal in &literals {
        let before = errors.count();
        if seen || !arguments.positional(literal, errors) {
            errors.push(diagnostics::stray_literal(literal, kind, A::EXAMPLE));
        }
        fine &= errors.count() == before;
        seen = true;
    }
    let path = arguments.crate_path();
    let model = arguments.into_model(written.span, errors)?;
    fine.then_some((model, path))
}

/// The `crate = path` among unread arguments, needed to recognise siblings spelled with that path.
pub(crate) fn crate_path(arguments: &TokenStream) -> Option<Path> {
    let items = NestedMeta::parse_meta_list(arguments.clone()).ok()?;
    items.iter().find_map(|item| match item {
        NestedMeta::Meta(Meta::NameValue(pair)) if pair.path.is_ident("crate") => match &pair.value {
            syn::Expr::Path(path) => Some(path.path.clone()),
            _ => None,
        },
        _ => None,
    })
}
