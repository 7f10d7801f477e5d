//! The types an argument can have. Each says, at the user's own token, what it wants and what to write.

use super::arguments::Argument;
use super::{duration, likely};
use crate::diagnostics::{Errors, wrong_bound, wrong_value};
use crate::model::{Budget, InDoubt, Jitter, Kind, Setting, Window};
use proc_macro2::{Ident, Span};
use quote::ToTokens;
use std::time::Duration;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, Meta, Path};

/// The value of `name = value`, read by `read`; else an error that says what was wanted, and what to write: what was
/// `likely` meant, or the usual value.
fn value<T>(
    meta: &Meta,
    wants: &str,
    likely: impl FnOnce(&Expr) -> Option<String>,
    read: impl FnOnce(&Expr) -> Option<T>,
) -> syn::Result<T> {
    let written = match meta {
        Meta::NameValue(pair) => {
            if let Some(value) = read(ungrouped(&pair.value)) {
                return Ok(value);
            }
            Some(pair.value.clone())
        }
        Meta::List(list) => list.parse_args().ok(),
        Meta::Path(_) => None,
    };
    let name = meta.path().to_token_stream().to_string();
    let instead = written.as_ref().and_then(likely).unwrap_or_else(|| likely::usual(&name).to_owned());
    Err(wrong_value(meta, &name, wants, &format!("{name} = {instead}")))
}

/// What a macro of the user's has put into an invisible group.
fn ungrouped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungrouped(&group.expr),
        _ => expr,
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
        Lit::Float(number) if number.suffix().is_empty() => number.base10_parse().ok(),
        Lit::Int(number) if number.suffix().is_empty() => number.base10_parse().ok(),
        _ => None,
    }
}

/// A duration above zero.
pub(super) struct Time(pub(super) Setting<Duration>);

impl Argument for Time {
    fn read(meta: &Meta) -> syn::Result<Self> {
        value(
            meta,
            "a duration above zero, with its unit",
            |expr| likely::duration(expr, if meta.path().is_ident("keep") { "h" } else { "s" }),
            |expr| setting(expr, |lit| duration_of(lit).filter(|duration| !duration.is_zero())),
        )
        .map(Self)
    }
}

/// A duration that may be zero.
pub(super) struct Wait(pub(super) Setting<Duration>);

impl Argument for Wait {
    fn read(meta: &Meta) -> syn::Result<Self> {
        let unit = if meta.path().is_ident("base") { "ms" } else { "s" };
        value(meta, "a duration with its unit", |expr| likely::duration(expr, unit), |expr| setting(expr, duration_of))
            .map(Self)
    }
}

/// A whole number of at least one.
pub(super) struct Count(pub(super) Setting<u32>);

impl Argument for Count {
    fn read(meta: &Meta) -> syn::Result<Self> {
        let wants = if meta.path().is_ident("queue") {
            "a whole number of at least 1, or left out where nobody may wait"
        } else {
            "a whole number of at least 1"
        };
        value(meta, wants, likely::count, |expr| setting(expr, count)).map(Self)
    }
}

fn count(lit: &Lit) -> Option<u32> {
    match lit {
        // Nobody but us sees the suffix of `60s`, which is no number.
        Lit::Int(number) if number.suffix().is_empty() => number.base10_parse().ok().filter(|number| *number > 0),
        _ => None,
    }
}

/// A fraction in (0, 1].
pub(super) struct Rate(pub(super) Setting<f64>);

impl Argument for Rate {
    fn read(meta: &Meta) -> syn::Result<Self> {
        value(meta, "a fraction above 0 and at most 1, not a percentage", likely::rate, |expr| {
            setting(expr, |lit| float(lit).filter(|rate| *rate > 0.0 && *rate <= 1.0))
        })
        .map(Self)
    }
}

/// A number of at least one.
pub(super) struct Factor(pub(super) Setting<f64>);

impl Argument for Factor {
    fn read(meta: &Meta) -> syn::Result<Self> {
        value(meta, "a number of at least 1", likely::factor, |expr| {
            setting(expr, |lit| float(lit).filter(|factor| *factor >= 1.0 && factor.is_finite()))
        })
        .map(Self)
    }
}

/// A name: a string, or a constant that holds one.
pub(super) struct Name(pub(super) Expr);

impl Argument for Name {
    fn read(meta: &Meta) -> syn::Result<Self> {
        value(meta, "a name in quotes, not empty", |_| None, name).map(Self)
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

impl Argument for BudgetOf {
    fn read(meta: &Meta) -> syn::Result<Self> {
        value(
            meta,
            "the name of a retry budget, or `none`",
            |_| None,
            |expr| match expr {
                Expr::Path(path) if path.path.is_ident("none") => Some(Budget::None),
                _ => name(expr).map(Budget::Named),
            },
        )
        .map(Self)
    }
}

/// `window = 100` or `window = "60s"`.
pub(super) struct WindowOf(pub(super) Window);

const MOST_CALLS: u32 = 65_536;

impl Argument for WindowOf {
    fn read(meta: &Meta) -> syn::Result<Self> {
        let wants = "a number of calls from 1 to 65536, or a duration with its unit";
        let likely = |expr: &Expr| match literal(expr) {
            Some(lit) if has_quotes_or_unit(lit) => likely::duration(expr, "s"),
            _ => None,
        };
        value(meta, wants, likely, |expr| match literal(expr) {
            Some(Lit::Str(_)) => {
                setting(expr, |lit| duration_of(lit).filter(|duration| !duration.is_zero())).map(Window::Time)
            }
            _ => setting(expr, |lit| count(lit).filter(|calls| *calls <= MOST_CALLS)).map(Window::Calls),
        })
        .map(Self)
    }
}

fn has_quotes_or_unit(lit: &Lit) -> bool {
    match lit {
        Lit::Str(_) => true,
        Lit::Int(number) => !number.suffix().is_empty(),
        Lit::Float(number) => !number.suffix().is_empty(),
        _ => false,
    }
}

/// `jitter = "full"` and its kin, or a fraction.
pub(super) struct JitterOf(pub(super) Jitter);

impl Argument for JitterOf {
    fn read(meta: &Meta) -> syn::Result<Self> {
        let wants = "\"full\", \"equal\", \"decorrelated\", \"none\", or a fraction above 0 and at most 1";
        value(
            meta,
            wants,
            |_| None,
            |expr| match literal(expr)? {
                Lit::Str(text) => match text.value().as_str() {
                    "full" => Some(Jitter::Full),
                    "equal" => Some(Jitter::Equal),
                    "decorrelated" => Some(Jitter::Decorrelated),
                    "none" => Some(Jitter::None),
                    _ => None,
                },
                lit => float(lit).filter(|part| *part > 0.0 && *part <= 1.0).map(Jitter::Fraction),
            },
        )
        .map(Self)
    }
}

/// `retry_status = [429]`.
pub(super) struct Statuses(pub(super) Vec<u16>);

impl Argument for Statuses {
    fn read(meta: &Meta) -> syn::Result<Self> {
        value(meta, "a list of HTTP statuses from 400 to 599", in_a_list, |expr| {
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

fn in_a_list(expr: &Expr) -> Option<String> {
    likely::count(expr).map(|status| format!("[{status}]"))
}

/// The path of a function or a crate.
pub(super) struct Function(pub(super) Path);

impl Argument for Function {
    fn read(meta: &Meta) -> syn::Result<Self> {
        value(meta, "a path without quotes", likely::path, |expr| match expr {
            Expr::Path(path) if path.qself.is_none() => Some(path.path.clone()),
            _ => None,
        })
        .map(Self)
    }
}

/// Any expression.
pub(super) struct Value(pub(super) Expr);

impl Argument for Value {
    fn read(meta: &Meta) -> syn::Result<Self> {
        value(meta, "an expression", |_| None, |expr| Some(expr.clone())).map(Self)
    }
}

/// `tx`, or `tx = expr`: the name, and where the transaction is opened.
pub(super) struct TransactionOf {
    pub(super) tx: Ident,
    pub(super) database: Option<Expr>,
}

impl Argument for TransactionOf {
    fn read(meta: &Meta) -> syn::Result<Self> {
        let tx = meta.path().require_ident()?.clone();
        match meta {
            Meta::Path(_) => Ok(Self { tx, database: None }),
            other => Value::read(other).map(|database| Self { tx, database: Some(database.0) }),
        }
    }
}

/// `db = Postgres`, or `db = [Sqlite, Postgres]`.
pub(super) struct Databases(pub(super) Vec<Path>);

impl Argument for Databases {
    fn read(meta: &Meta) -> syn::Result<Self> {
        fn path(expr: &Expr) -> Option<Path> {
            if let Expr::Path(path) = expr { Some(path.path.clone()) } else { None }
        }
        let wants = "the kind of database the ledger is in, or a list of them";
        value(
            meta,
            wants,
            |_| None,
            |expr| match expr {
                Expr::Array(list) if !list.elems.is_empty() => list.elems.iter().map(path).collect(),
                one => path(one).map(|one| vec![one]),
            },
        )
        .map(Self)
    }
}

/// `in_doubt = repeat`, `cancel` or `manual`.
pub(super) struct Doubt(pub(super) InDoubt, pub(super) Span);

impl Argument for Doubt {
    fn read(meta: &Meta) -> syn::Result<Self> {
        const ALL: [(&str, InDoubt); 3] =
            [("repeat", InDoubt::Repeat), ("cancel", InDoubt::Cancel), ("manual", InDoubt::Manual)];
        value(meta, "`repeat`, `cancel` or `manual`, without quotes", likely::path, |expr| {
            let Expr::Path(path) = expr else { return None };
            let name = path.path.get_ident()?;
            ALL.into_iter().find(|(known, _)| name == known).map(|(_, doubt)| Self(doubt, name.span()))
        })
    }
}

/// The name of a parameter.
pub(super) struct Parameter(pub(super) Ident);

impl Argument for Parameter {
    fn read(meta: &Meta) -> syn::Result<Self> {
        value(meta, "the name of a parameter, without quotes", likely::path, |expr| match expr {
            Expr::Path(path) => path.path.get_ident().cloned(),
            _ => None,
        })
        .map(Self)
    }
}

/// `idempotent`, or `idempotent = "why"`.
pub(super) struct Idempotent(pub(super) Option<String>);

impl Argument for Idempotent {
    fn read(meta: &Meta) -> syn::Result<Self> {
        let wrong = || wrong_value(meta, "idempotent", "a word by itself, or the reason in quotes", "idempotent");
        match meta {
            Meta::Path(_) => Ok(Self(None)),
            Meta::NameValue(pair) => match literal(&pair.value) {
                Some(Lit::Str(text)) if !text.value().trim().is_empty() => Ok(Self(Some(text.value()))),
                _ => Err(wrong()),
            },
            Meta::List(_) => Err(wrong()),
        }
    }
}

/// `acts = "why"`.
pub(super) struct Reason(pub(super) String);

impl Argument for Reason {
    fn read(meta: &Meta) -> syn::Result<Self> {
        let text = match meta {
            Meta::NameValue(pair) => literal(&pair.value),
            _ => None,
        };
        match text {
            Some(Lit::Str(text)) if !text.value().trim().is_empty() => Ok(Self(text.value())),
            _ => {
                let name = meta.path().to_token_stream().to_string();
                Err(wrong_value(meta, &name, "the reason in quotes", &format!("{name} = \"it only reads\"")))
            }
        }
    }
}

/// A word by itself.
pub(super) struct Word;

impl Argument for Word {
    fn read(meta: &Meta) -> syn::Result<Self> {
        match meta {
            Meta::Path(_) => Ok(Self),
            other => {
                let name = meta.path().to_token_stream().to_string();
                Err(wrong_value(other, &name, "a word by itself", &name))
            }
        }
    }
}

/// `allow(range)`.
pub(super) struct Range;

impl Argument for Range {
    fn read(meta: &Meta) -> syn::Result<Self> {
        match meta {
            Meta::List(list) if list.parse_args::<Ident>().is_ok_and(|allowed| allowed == "range") => Ok(Self),
            other => Err(wrong_value(other, "allow", "what to be silent about, in parentheses", "allow(range)")),
        }
    }
}

/// The bound that stands alone, as in `#[timeout("5s")]`.
pub(super) fn bound(written: &Expr, kind: Kind, errors: &mut Errors) -> Option<Setting<Duration>> {
    if let Expr::Path(_) = written {
        return Some(Setting::Constant(written.clone()));
    }
    let bound = literal(written).and_then(duration_of).filter(|bound| !bound.is_zero());
    if bound.is_none() {
        let instead = likely::duration(written, "s").unwrap_or_else(|| "\"5s\"".to_owned());
        errors.push(wrong_bound(written, kind, &instead));
    }
    bound.map(|bound| Setting::Known(bound, written.span()))
}
