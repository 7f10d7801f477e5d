//! Tokens -> a model. Our own reader tells the items apart and takes out what is unknown, given twice or another
//! attribute's; `darling` reads what is left into the struct of the attribute.

use super::about::Attribute;
use super::{Kind, Written};
use crate::errors::{Errors, text};
use crate::read::{Argument, Arguments as _, CRATE, Given, Item, PathTo, items};
use darling::FromMeta as _;
use darling::ast::NestedMeta;
use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{Expr, ExprLit, ExprPath, Meta, Path};

/// Reads one attribute: every mistake in it is reported, none hides another.
pub(super) fn read<A: Attribute>(written: &Written, errors: &mut Errors) -> Option<A> {
    let items = match items(written.arguments.clone()) {
        Ok(items) => items,
        Err(error) => {
            unreadable::<A>(error.span(), &error, written.kind, errors);
            return None;
        }
    };
    let before = errors.count();
    let (kind, span) = (written.kind, written.span);
    let mut given = Given { span, names: Vec::new(), meant: Vec::new(), unread: false };
    let mut accepted: Vec<NestedMeta> = Vec::new();
    let mut alone: Vec<Expr> = Vec::new();
    for item in items {
        match item {
            Item::Alone(value) => alone.push(value),
            Item::Unreadable(path, at) => {
                unreadable::<A>(at, &"a value cannot be read", kind, errors);
                given.meant.extend(known::<A>(&path));
            }
            Item::Named(Meta::Path(constant)) if is_constant(&constant) => {
                alone.push(Expr::Path(ExprPath { attrs: Vec::new(), qself: None, path: constant }));
            }
            Item::Named(meta) => accepted.extend(accept::<A>(&meta, kind, &mut given, errors)),
        }
    }
    let mut arguments = errors.take(A::Arguments::from_list(&accepted).map_err(syn::Error::from))?;
    stand_alone::<A>(&mut arguments, &alone, kind, errors);
    given.unread = errors.count() > before;
    let attribute = A::new(arguments, &given, errors)?;
    (!given.unread).then_some(attribute)
}

/// A named argument that is known, new and readable; else says what is wrong with it.
fn accept<A: Attribute>(meta: &Meta, kind: Kind, given: &mut Given, errors: &mut Errors) -> Option<NestedMeta> {
    let (Some(name), Some(known)) = (meta.path().get_ident(), known::<A>(meta.path())) else {
        given.meant.extend(unknown::<A>(meta, kind, errors));
        return None;
    };
    if given.names.contains(name) {
        errors.on(name, format!("`{name}` is given twice; write it once"));
        return None;
    }
    let name = name.clone();
    let item = NestedMeta::Meta(meta.clone());
    let read = match known {
        CRATE => Argument::<PathTo>::read(meta, "::resil").map(|_| None),
        // By itself, so that no mistake hides another.
        _ => A::Arguments::from_list(std::slice::from_ref(&item)).map(|_| Some(item)),
    };
    match read {
        Ok(item) => {
            given.names.push(name);
            item
        }
        Err(error) => {
            given.meant.push(known);
            let message = syn::Error::from(error);
            match meta {
                Meta::NameValue(pair) => errors.on(&pair.value, message),
                other => errors.on(other, message),
            }
            None
        }
    }
}

/// Says what an unknown name was most likely meant to be, and hands that back.
fn unknown<A: Attribute>(meta: &Meta, kind: Kind, errors: &mut Errors) -> Option<&'static str> {
    let (path, attribute) = (meta.path(), kind.name());
    let written = text(path);
    if A::STANDS_ALONE
        && let Some(bound) = A::named(meta)
    {
        errors.on(path, format!("the bound of `#[{attribute}]` has no name; write `#[{attribute}({bound})]`"));
        return None;
    }
    let (likely, owner) = (likely_name::<A>(path), Kind::that_has(path));
    if let (None, None, Some(takes), Meta::Path(_)) = (likely, owner, A::TAKES_A_NAME, meta) {
        errors.on(path, format!("`#[{attribute}]` has no argument `{written}`; write `{takes} = {written}`"));
        return Some(takes);
    }
    let advice = match (likely, owner) {
        (Some(likely), _) => format!("; did you mean `{likely}`?"),
        (None, Some(owner)) => format!(", but `#[{}]` has; write it there", owner.name()),
        // An attribute with few arguments, or one without a name, is explained by all of itself.
        (None, None) if A::STANDS_ALONE || A::Arguments::NAMES.len() < 3 => format!("; write `#[{}]`", A::EXAMPLE),
        (None, None) => {
            let all: Vec<_> = names::<A>().map(|name| format!("`{name}`")).collect();
            format!("; write one of {}", all.join(", "))
        }
    };
    errors.on(path, format!("`#[{attribute}]` has no argument `{written}`{advice}"));
    likely
}

/// Takes the one value that may stand alone, as in `#[timeout("5s")]`.
fn stand_alone<A: Attribute>(arguments: &mut A::Arguments, values: &[Expr], kind: Kind, errors: &mut Errors) {
    let (name, example) = (kind.name(), A::EXAMPLE);
    for (index, value) in values.iter().enumerate() {
        if !A::STANDS_ALONE {
            let meant = match value {
                Expr::Lit(ExprLit { lit, .. }) => A::meant_by(lit),
                _ => None,
            };
            let instead =
                meant.map_or_else(|| format!("#[{example}]"), |meant| format!("{meant} = {}", value.to_token_stream()));
            errors.on(value, format!("`#[{name}]` takes no value by itself; write `{instead}`"));
        } else if index == 0 {
            A::alone(arguments, value, errors);
        } else {
            errors.on(value, format!("`#[{name}]` takes one value by itself, and has it; write `#[{example}]`"));
        }
    }
}

fn unreadable<A: Attribute>(span: Span, why: &dyn std::fmt::Display, kind: Kind, errors: &mut Errors) {
    errors.at(span, format!("{why} in the arguments of `#[{}]`; write `#[{}]`", kind.name(), A::EXAMPLE));
}

fn names<A: Attribute>() -> impl Iterator<Item = &'static str> {
    A::Arguments::NAMES.iter().copied().chain([CRATE])
}

fn known<A: Attribute>(path: &Path) -> Option<&'static str> {
    names::<A>().find(|name| path.is_ident(name))
}

/// The known name that a misspelt one resembles.
fn likely_name<A: Attribute>(path: &Path) -> Option<&'static str> {
    let written = path.get_ident()?.to_string();
    if let Some((_, meant)) = A::ALIASES.iter().find(|(alias, _)| *alias == written) {
        return Some(meant);
    }
    // Few mean the path of the crate.
    let closest = A::Arguments::NAMES.iter().map(|name| (strsim::damerau_levenshtein(&written, name), *name)).min();
    closest.filter(|(distance, name)| *distance <= name.len() / 2).map(|(_, name)| name)
}

/// `LIMIT`: no argument of ours is written in capitals.
fn is_constant(path: &Path) -> bool {
    path.get_ident().is_some_and(|name| name.to_string().starts_with(|c: char| c.is_ascii_uppercase()))
}
