//! What an expansion is written with: plain names that the user's code cannot see.
//!
//! Methods are not hygienic: a user's trait may have one of the same name for the same value, or for every value. So a
//! method on a user's value has a name that nobody else has, `resil_..`, and one of ours that borrows is called on
//! a reference, `(&mut retry).again(..)`, where the type's own method is found before that of any trait.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, TokenStreamExt};
use syn::Expr;

/// The span of everything that we write ourselves.
pub(crate) fn hygienic() -> Span {
    Span::mixed_site()
}

/// Tokens of ours, in which `#name` stands for a value.
macro_rules! code {
    ($($token:tt)*) => { ::quote::quote_spanned!($crate::tokens::hygienic()=> $($token)*) };
}

/// The same, where a mistake that only rustc can see is reported at a token of the user's.
macro_rules! code_at {
    ($span:expr=> $($token:tt)*) => {{
        let span = $crate::tokens::hygienic().located_at($span);
        ::quote::quote_spanned!(span=> $($token)*)
    }};
}
pub(crate) use {code, code_at};

/// A local variable of an expansion. Each attribute names its own.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Local(pub(crate) &'static str);

pub(crate) const ATTEMPT: Local = Local("attempt");
pub(crate) const CALL: Local = Local("call");
pub(crate) const CALLS: Local = Local("calls");
pub(crate) const OUTCOME: Local = Local("outcome");
pub(crate) const REFUSAL: Local = Local("refusal");
pub(crate) const VERDICT: Local = Local("verdict");

impl Local {
    /// The same, where a mistake in it is reported at a token of the user's.
    pub(crate) fn at(self, span: Span) -> Ident {
        Ident::new(self.0, hygienic().located_at(span))
    }

    /// The static that such a local refers to.
    pub(crate) fn in_static(self) -> Ident {
        Ident::new(&self.0.to_uppercase(), hygienic())
    }
}

impl ToTokens for Local {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append(Ident::new(self.0, hygienic()));
    }
}

/// An expression so that what stands before it is for the whole of it.
pub(crate) fn operand(expr: &Expr) -> TokenStream {
    match expr {
        Expr::Array(_)
        | Expr::Call(_)
        | Expr::Field(_)
        | Expr::Index(_)
        | Expr::Lit(_)
        | Expr::Macro(_)
        | Expr::MethodCall(_)
        | Expr::Paren(_)
        | Expr::Path(_)
        | Expr::Reference(_)
        | Expr::Tuple(_) => expr.to_token_stream(),
        other => quote::quote!((#other)),
    }
}
