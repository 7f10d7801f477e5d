//! What an argument can hold, for more than one attribute.

use super::arguments::Value;
use super::duration::likely as likely_duration;
use super::time;
use crate::errors::Errors;
use crate::tokens::code;
use darling::{FromMeta, Result};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::ToTokens;
use std::time::Duration;
use syn::spanned::Spanned;
use syn::{Expr, ExprBlock, ExprLit, Lit, Path, Stmt, UnOp};

/// A setting: known here, or a constant the compiler knows later.
pub(crate) enum Setting<T> {
    Known(T, Span),
    Constant(Expr),
}

impl<T: Copy> Setting<T> {
    /// A literal is read now; anything else is a constant for the compiler.
    pub(crate) fn of(expr: &Expr, read: impl FnOnce(&Lit) -> Option<T>) -> Option<Self> {
        match literal(expr) {
            Some(lit) => read(lit).map(|value| Self::Known(value, expr.span())),
            None => constant(expr).map(Self::Constant),
        }
    }

    pub(crate) fn known(&self) -> Option<T> {
        match self {
            Self::Known(value, _) => Some(*value),
            Self::Constant(_) => None,
        }
    }

    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Known(_, span) => *span,
            Self::Constant(expr) => expr.span(),
        }
    }
}

/// What the compiler sees in place of what was read.
pub(crate) trait Constant: Copy {
    fn constant(self) -> TokenStream;
}

impl<T: Constant> ToTokens for Setting<T> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Known(value, _) => value.constant().to_tokens(tokens),
            Self::Constant(expr) => expr.to_tokens(tokens),
        }
    }
}

impl Constant for u32 {
    fn constant(self) -> TokenStream {
        Literal::u32_unsuffixed(self).to_token_stream()
    }
}

impl Constant for f64 {
    fn constant(self) -> TokenStream {
        Literal::f64_unsuffixed(self).to_token_stream()
    }
}

impl Constant for Duration {
    /// `Duration::from_secs(5)`, in the largest unit that holds it exactly.
    fn constant(self) -> TokenStream {
        let (seconds, nanos) = (Literal::u64_unsuffixed(self.as_secs()), self.subsec_nanos());
        let made = match u64::try_from(self.as_millis()) {
            _ if nanos == 0 => code!(from_secs(#seconds)),
            Ok(millis) if nanos.is_multiple_of(1_000_000) => {
                let millis = Literal::u64_unsuffixed(millis);
                code!(from_millis(#millis))
            }
            _ => {
                let nanos = Literal::u32_unsuffixed(nanos);
                code!(new(#seconds, #nanos))
            }
        };
        code!(::core::time::Duration::#made)
    }
}

/// What a macro of the user's has put into an invisible group.
pub(crate) fn ungrouped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungrouped(&group.expr),
        _ => expr,
    }
}

/// A constant without the parentheses or braces that it stands in, and that rustc would call unnecessary.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => bare(&group.expr),
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::Block(ExprBlock { label: None, block, .. }) => match &block.stmts[..] {
            [Stmt::Expr(only, None)] => bare(only),
            _ => expr,
        },
        _ => expr,
    }
}

/// What the compiler can evaluate, for all that is known here.
fn constant(expr: &Expr) -> Option<Expr> {
    let expr = bare(expr);
    let can_be = match expr {
        Expr::Binary(_)
        | Expr::Block(_)
        | Expr::Call(_)
        | Expr::Cast(_)
        | Expr::Const(_)
        | Expr::Field(_)
        | Expr::If(_)
        | Expr::Index(_)
        | Expr::Macro(_)
        | Expr::Match(_)
        | Expr::MethodCall(_)
        | Expr::Path(_)
        | Expr::Unsafe(_) => true,
        // A negative number is always wrong.
        Expr::Unary(unary) => !matches!(unary.op, UnOp::Neg(_)) || literal(&unary.expr).is_none(),
        _ => false,
    };
    can_be.then(|| expr.clone())
}

pub(crate) fn literal(expr: &Expr) -> Option<&Lit> {
    match bare(expr) {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        _ => None,
    }
}

/// What was read, or an error whose text `Argument::read` finds.
pub(crate) fn wanted<T>(value: Option<T>) -> Result<T> {
    value.ok_or_else(|| darling::Error::unsupported_format("value"))
}

/// The text of a value, without quotes. A sign stays: nobody knows what `-1` was meant to be.
pub(super) fn without_quotes(written: &Expr) -> String {
    match written {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value().trim().to_owned(),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => format!("{}{}", number.base10_digits(), number.suffix()),
        other => other.to_token_stream().to_string(),
    }
}

/// A text in quotes that says something.
pub(crate) fn reason(expr: &Expr) -> Option<String> {
    match literal(expr)? {
        Lit::Str(text) => Some(text.value()).filter(|text| !text.trim().is_empty()),
        _ => None,
    }
}

pub(crate) fn duration(lit: &Lit) -> Option<Duration> {
    match lit {
        Lit::Str(text) => time::parse(&text.value()),
        _ => None,
    }
}

pub(crate) fn count(lit: &Lit) -> Option<u32> {
    match lit {
        // Nobody but us sees the suffix of `60s`, which is no number.
        Lit::Int(number) if number.suffix().is_empty() => number.base10_parse().ok().filter(|number| *number > 0),
        _ => None,
    }
}

pub(crate) fn fraction(lit: &Lit) -> Option<f64> {
    number(lit).filter(|rate| *rate > 0.0 && *rate <= 1.0)
}

fn number(lit: &Lit) -> Option<f64> {
    match lit {
        Lit::Float(number) if number.suffix().is_empty() => number.base10_parse().ok(),
        Lit::Int(number) if number.suffix().is_empty() => number.base10_parse().ok(),
        _ => None,
    }
}

/// A setting that is a literal of some kind, or a constant.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident($of:ty): $wants:literal, $read:expr, $meant:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name(pub(crate) Setting<$of>);

        impl Value for $name {
            const WANTS: &'static str = $wants;

            fn meant(written: &Expr, usual: &str) -> Option<String> {
                $meant(written, usual)
            }
        }

        impl FromMeta for $name {
            fn from_expr(expr: &Expr) -> Result<Self> {
                wanted(Setting::of(expr, $read)).map(Self)
            }
        }

        impl std::ops::Deref for $name {
            type Target = Setting<$of>;

            fn deref(&self) -> &Setting<$of> {
                &self.0
            }
        }

        impl ToTokens for $name {
            fn to_tokens(&self, tokens: &mut TokenStream) {
                self.0.to_tokens(tokens);
            }
        }
    )*};
}

settings! {
    /// A duration above zero.
    Time(Duration): "a duration above zero, with its unit", above_zero, likely_duration;
    /// A duration that may be zero.
    Wait(Duration): "a duration with its unit", duration, likely_duration;
    /// A whole number of at least one.
    Count(u32): "a whole number of at least 1", count, likely_count;
    /// So many may wait.
    Places(u32): "a whole number of at least 1, or left out where nobody may wait", count, likely_count;
    /// A fraction in (0, 1].
    Rate(f64): "a fraction above 0 and at most 1, not a percentage", fraction, likely_rate;
    /// A number of at least one.
    Factor(f64): "a number of at least 1", factor, likely_factor;
}

pub(crate) fn above_zero(lit: &Lit) -> Option<Duration> {
    duration(lit).filter(|duration| !duration.is_zero())
}

fn factor(lit: &Lit) -> Option<f64> {
    number(lit).filter(|factor| *factor >= 1.0 && factor.is_finite())
}

/// `"3"`, `3x`: a number of at least one.
pub(crate) fn likely_count(written: &Expr, _: &str) -> Option<String> {
    without_quotes(written).parse().ok().filter(|count: &u32| *count > 0).map(|count| count.to_string())
}

/// `50`, `"50%"`: a percentage; `"0.5"`: a fraction.
fn likely_rate(written: &Expr, _: &str) -> Option<String> {
    let number: f64 = without_quotes(written).trim_end_matches('%').trim().parse().ok()?;
    let rate = if (2.0..=100.0).contains(&number) { number / 100.0 } else { number };
    (rate > 0.0 && rate <= 1.0).then(|| format!("{rate:?}"))
}

/// `"2"`: a number of at least one.
fn likely_factor(written: &Expr, _: &str) -> Option<String> {
    let factor: f64 = without_quotes(written).parse().ok()?;
    (factor >= 1.0 && factor.is_finite()).then(|| format!("{factor:?}"))
}

/// `"path"`: a path that was put in quotes.
pub(crate) fn likely_path(written: &Expr, _: &str) -> Option<String> {
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = written else { return None };
    text.parse::<Path>().ok().map(|_| text.value())
}

/// What is written as it stands.
macro_rules! as_it_stands {
    ($($(#[$doc:meta])* $name:ident($of:ty): $wants:literal, $read:expr, $meant:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name(pub(crate) $of);

        impl Value for $name {
            const WANTS: &'static str = $wants;

            fn meant(written: &Expr, usual: &str) -> Option<String> {
                $meant(written, usual)
            }
        }

        impl FromMeta for $name {
            fn from_expr(expr: &Expr) -> Result<Self> {
                wanted($read(ungrouped(expr))).map(Self)
            }
        }

        impl ToTokens for $name {
            fn to_tokens(&self, tokens: &mut TokenStream) {
                self.0.to_tokens(tokens);
            }
        }
    )*};
}

as_it_stands! {
    /// A name: a string, or a constant that holds one.
    Name(Expr): "a name in quotes, not empty", name, nothing;
    /// Any expression.
    Expression(Expr): "an expression", |expr: &Expr| Some(expr.clone()), nothing;
    /// The path of a function or a crate.
    PathTo(Path): "a path without quotes", path, likely_path;
    /// A reason.
    Reason(String): "the reason in quotes", reason, nothing;
    /// The name of a parameter.
    Parameter(Ident): "the name of a parameter, without quotes", parameter, likely_path;
}

fn nothing(_: &Expr, _: &str) -> Option<String> {
    None
}

pub(crate) fn name(expr: &Expr) -> Option<Expr> {
    match literal(expr) {
        Some(Lit::Str(text)) => (!text.value().is_empty()).then(|| bare(expr).clone()),
        Some(_) => None,
        None => constant(expr),
    }
}

fn path(expr: &Expr) -> Option<Path> {
    match expr {
        Expr::Path(path) if path.qself.is_none() => Some(path.path.clone()),
        _ => None,
    }
}

fn parameter(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::Path(path) => path.path.get_ident().cloned(),
        _ => None,
    }
}

impl PathTo {
    /// Where the name stands that must be found.
    pub(crate) fn name_span(&self) -> Span {
        self.0.segments.last().map_or_else(|| self.0.span(), |last| last.ident.span())
    }
}

/// A word by itself.
pub(crate) struct Word;

impl Value for Word {
    const WANTS: &'static str = "a word by itself";
}

impl FromMeta for Word {
    fn from_word() -> Result<Self> {
        Ok(Self)
    }
}

/// The bound that stands alone in the attribute of this name, as in `#[timeout("5s")]`.
pub(crate) fn bound(written: &Expr, name: &str, errors: &mut Errors) -> Option<Setting<Duration>> {
    let bound = Setting::of(written, above_zero);
    if bound.is_none() {
        let instead = likely_duration(written, "").unwrap_or_else(|| "\"5s\"".to_owned());
        errors.on(
            written,
            format!("`{name}` is bounded by a duration above zero, with its unit; write `#[{name}({instead})]`"),
        );
    }
    bound
}
