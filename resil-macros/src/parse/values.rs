//! The types an argument can have. Each says, at the user's own token, what it wants and what to write.

use super::duration;
use crate::diagnostics::{Errors, wrong_value};
use crate::model::{Budget, Jitter, Kind, Setting, Window};
use darling::FromMeta;
use proc_macro2::Ident;
use quote::ToTokens;
use std::time::Duration;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, Meta, Path};

/// The value of `name = value`, read by `read`, or an error that says what was wanted.
fn value<T>(meta: &Meta, wants: &str, example: &str, read: impl FnOnce(&Expr) -> Option<T>) -> darling::Result<T> {
    let name = meta.path().to_token_stream().to_string();
    let wrong = |tokens: &dyn ToTokens| {
        darling::Error::from(wrong_value(tokens.to_token_stream(), &name, wants, &format!("{name} = {example}")))
    };
    match meta {
        Meta::NameValue(pair) => read(&pair.value).ok_or_else(|| wrong(&pair.value)),
        other => Err(wrong(other)),
    }
}

fn literal(expr: &Expr) -> Option<&Lit> {
    match expr {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

/// A literal is read now; a negative number is always wrong; anything else is a constant for the compiler.
fn setting<T>(expr: &Expr, read: impl FnOnce(&Lit) -> Option<T>) -> Option<Setting<T>> {
    match (literal(expr), expr) {
        (Some(lit), _) => read(lit).map(|value| Setting::Known(value, expr.span())),
        (
            None,
            Expr::Path(_) | Expr::Call(_) | Expr::MethodCall(_) | Expr::Binary(_) | Expr::Block(_) | Expr::Macro(_),
        ) => Some(Setting::Constant(expr.clone())),
        _ => None,
    }
}

pub(super) fn duration_of(lit: &Lit) -> Option<Duration> {
    match lit {
        Lit::Str(text) => duration::parse(&text.value()),
        _ => None,
    }
}

fn float(lit: &Lit) -> Option<f64> {
    match lit {
        Lit::Float(number) => number.base10_parse().ok(),
        Lit::Int(number) => number.base10_parse().ok(),
        _ => None,
    }
}

/// A duration above zero.
pub(super) struct Time(pub(super) Setting<Duration>);

impl FromMeta for Time {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        value(meta, "a duration above zero, with its unit", "\"5s\"", |expr| {
            setting(expr, |lit| duration_of(lit).filter(|duration| !duration.is_zero()))
        })
        .map(Self)
    }
}

/// A duration that may be zero.
pub(super) struct Wait(pub(super) Setting<Duration>);

impl FromMeta for Wait {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        value(meta, "a duration with its unit", "\"100ms\"", |expr| setting(expr, duration_of)).map(Self)
    }
}

/// A whole number of at least one.
pub(super) struct Count(pub(super) Setting<u32>);

impl FromMeta for Count {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        value(meta, "a whole number of at least 1", "3", |expr| setting(expr, count)).map(Self)
    }
}

fn count(lit: &Lit) -> Option<u32> {
    match lit {
        Lit::Int(number) => number.base10_parse().ok().filter(|number| *number > 0),
        _ => None,
    }
}

/// A fraction in (0, 1].
pub(super) struct Rate(pub(super) Setting<f64>);

impl FromMeta for Rate {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        value(meta, "a fraction above 0 and at most 1, not a percentage", "0.5", |expr| {
            setting(expr, |lit| float(lit).filter(|rate| *rate > 0.0 && *rate <= 1.0))
        })
        .map(Self)
    }
}

/// A number of at least one.
pub(super) struct Factor(pub(super) Setting<f64>);

impl FromMeta for Factor {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        value(meta, "a number of at least 1", "2.0", |expr| {
            setting(expr, |lit| float(lit).filter(|factor| *factor >= 1.0 && factor.is_finite()))
        })
        .map(Self)
    }
}

/// A name: a string, or a constant that holds one.
pub(super) struct Name(pub(super) Expr);

impl FromMeta for Name {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        value(meta, "a name in quotes, not empty", "\"payment\"", name).map(Self)
    }
}

fn name(expr: &Expr) -> Option<Expr> {
    match (literal(expr), expr) {
        (Some(Lit::Str(text)), _) if !text.value().is_empty() => Some(expr.clone()),
        (None, Expr::Path(_) | Expr::Macro(_)) => Some(expr.clone()),
        _ => None,
    }
}

/// `budget = "name"` or `budget = none`.
pub(super) struct BudgetOf(pub(super) Budget);

impl FromMeta for BudgetOf {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        value(meta, "the name of a retry budget, or `none`", "\"payment\"", |expr| match expr {
            Expr::Path(path) if path.path.is_ident("none") => Some(Budget::None),
            _ => name(expr).map(Budget::Named),
        })
        .map(Self)
    }
}

/// `window = 100` or `window = "60s"`.
pub(super) struct WindowOf(pub(super) Window);

const MOST_CALLS: u32 = 65_536;

impl FromMeta for WindowOf {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        value(meta, "a number of calls from 1 to 65536, or a duration with its unit", "100", |expr| {
            match literal(expr) {
                Some(Lit::Str(_)) => {
                    setting(expr, |lit| duration_of(lit).filter(|duration| !duration.is_zero())).map(Window::Time)
                }
                _ => setting(expr, |lit| count(lit).filter(|calls| *calls <= MOST_CALLS)).map(Window::Calls),
            }
        })
        .map(Self)
    }
}

/// `jitter = "full"` and its kin, or a fraction.
pub(super) struct JitterOf(pub(super) Jitter);

impl FromMeta for JitterOf {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        let wants = "\"full\", \"equal\", \"decorrelated\", \"none\", or a fraction above 0 and at most 1";
        value(meta, wants, "\"full\"", |expr| match literal(expr)? {
            Lit::Str(text) => match text.value().as_str() {
                "full" => Some(Jitter::Full),
                "equal" => Some(Jitter::Equal),
                "decorrelated" => Some(Jitter::Decorrelated),
                "none" => Some(Jitter::None),
                _ => None,
            },
            lit => float(lit).filter(|part| *part > 0.0 && *part <= 1.0).map(Jitter::Fraction),
        })
        .map(Self)
    }
}

/// `retry_status = [429]`.
pub(super) struct Statuses(pub(super) Vec<u16>);

impl FromMeta for Statuses {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        value(meta, "a list of HTTP statuses from 400 to 599", "[429]", |expr| {
            let Expr::Array(list) = expr else { return None };
            list.elems
                .iter()
                .map(|status| match literal(status)? {
                    Lit::Int(number) => number.base10_parse().ok().filter(|status| (400..600).contains(status)),
                    _ => None,
                })
                .collect()
        })
        .map(Self)
    }
}

/// The path of a function or a crate.
pub(super) struct Function(pub(super) Path);

impl FromMeta for Function {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        let example = if meta.path().is_ident("crate") { "::resil" } else { "is_still_pending" };
        value(meta, "a path without quotes", example, |expr| match expr {
            Expr::Path(path) if path.qself.is_none() => Some(path.path.clone()),
            _ => None,
        })
        .map(Self)
    }
}

/// The name of a parameter.
pub(super) struct Parameter(pub(super) Ident);

impl FromMeta for Parameter {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        value(meta, "the name of a parameter, without quotes", "key", |expr| match expr {
            Expr::Path(path) => path.path.get_ident().cloned(),
            _ => None,
        })
        .map(Self)
    }
}

/// `idempotent`, or `idempotent = "why"`.
pub(super) struct Idempotent(pub(super) Option<String>);

impl FromMeta for Idempotent {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        if let Meta::Path(_) = meta {
            return Ok(Self(None));
        }
        value(meta, "a word by itself, or the reason in quotes", "\"POST /search only reads\"", |expr| {
            match literal(expr)? {
                Lit::Str(text) if !text.value().trim().is_empty() => Some(Some(text.value())),
                _ => None,
            }
        })
        .map(Self)
    }
}

/// A word by itself.
pub(super) struct Word;

impl FromMeta for Word {
    fn from_meta(meta: &Meta) -> darling::Result<Self> {
        match meta {
            Meta::Path(_) => Ok(Self),
            other => {
                let name = meta.path().to_token_stream().to_string();
                Err(wrong_value(other, &name, "a word by itself", &name).into())
            }
        }
    }
}

/// The bound that stands alone, as in `#[timeout("5s")]`.
pub(super) fn bound(literal: &Lit, kind: Kind, errors: &mut Errors) -> Option<Setting<Duration>> {
    let name = kind.name();
    let bound = duration_of(literal).filter(|bound| !bound.is_zero());
    if bound.is_none() {
        let example = format!("#[{name}(\"5s\")]");
        errors.push(wrong_value(literal, name, "bounded by a duration above zero, with its unit", &example));
    }
    bound.map(|bound| Setting::Known(bound, literal.span()))
}
