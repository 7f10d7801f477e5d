//! The function under the attributes: what it is, and where in it the body stands.

mod inert;
mod take_apart;
mod types;

pub(crate) use inert::is_inert;
pub(crate) use take_apart::{declaration, hidden_by_a_box, take_apart};
pub(crate) use types::{
    anchored, borrows, names_a_key, names_an_original_key, span_of_error, span_of_name, span_of_type,
};

use crate::tokens::code_at;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, FnArg, Ident, Pat, PatIdent, Stmt, Type};

/// The function, taken apart: what stands around the body, and the body that becomes the attempt.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) signature: syn::Signature,
    /// Everything up to the body.
    pub(crate) head: TokenStream,
    pub(crate) shell: Shell,
    pub(crate) body: Vec<Stmt>,
    /// What the body evaluates to.
    pub(crate) output: Type,
}

/// What stands between the function's braces and the body.
pub(crate) enum Shell {
    /// `async fn f() -> R;`
    Declaration,
    /// `async fn f() -> R { body }`
    AsyncFn,
    /// `fn f() -> impl Future<Output = R> { before; async move { body } }`
    ImplFuture { before: Vec<Stmt>, capture: Option<syn::token::Move> },
    /// `Box::pin(async move { before; let __ret: R = { body }; after })`, which `#[async_trait]` writes
    AsyncTrait { before: Vec<Stmt>, pin: Box<Expr>, inner: Vec<Stmt>, after: Vec<Stmt>, ret: Box<syn::Local> },
}

impl Function {
    pub(crate) fn body_tokens(&self) -> TokenStream {
        self.body.iter().map(ToTokens::to_token_stream).collect()
    }

    /// `async capture { body }`, which stands for the function in what rustc says of it: from its `async` to its return type.
    pub(crate) fn async_block(&self, capture: impl ToTokens, body: &TokenStream) -> TokenStream {
        let (from, to) = match (&self.shell, self.signature.asyncness) {
            (Shell::AsyncFn, Some(keyword)) => (keyword.span, self.output.span()),
            _ => (Span::call_site(), Span::call_site()),
        };
        let block = code_at!(to=> { #body });
        code_at!(from=> async #capture #block)
    }

    /// The parameter of this name, as it is written in the signature.
    pub(crate) fn parameter(&self, name: &Ident) -> Option<(&Ident, &Type)> {
        self.signature.inputs.iter().find_map(|input| match input {
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(pattern) if pattern.ident == *name => Some((&pattern.ident, &*typed.ty)),
                _ => None,
            },
            FnArg::Receiver(_) => None,
        })
    }

    /// The parameters that are taken apart in the signature.
    pub(crate) fn unnamed_parameters(&self) -> impl Iterator<Item = &Pat> {
        self.signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) if !matches!(*typed.pat, Pat::Ident(_)) => Some(&*typed.pat),
            _ => None,
        })
    }
}

/// Under which `#[cfg]` something is there: what uses it must be under the same.
pub(crate) fn conditions(attributes: &[Attribute]) -> TokenStream {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).map(ToTokens::to_token_stream).collect()
}

/// Whether `name` stands anywhere in the body, format strings included.
pub(crate) fn mentions(body: TokenStream, name: &Ident) -> bool {
    body.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Literal(literal) => literal.to_string().contains(&format!("{{{name}")),
        TokenTree::Punct(_) => false,
    })
}

/// Calls `f` for each name that a pattern binds.
pub(crate) fn each_binding(pattern: &Pat, f: &mut dyn FnMut(&PatIdent)) {
    match pattern {
        Pat::Ident(name) => {
            f(name);
            if let Some((_, inner)) = &name.subpat {
                each_binding(inner, f);
            }
        }
        Pat::Paren(inner) => each_binding(&inner.pat, f),
        Pat::Reference(inner) => each_binding(&inner.pat, f),
        Pat::Type(inner) => each_binding(&inner.pat, f),
        Pat::Slice(inner) => inner.elems.iter().for_each(|inner| each_binding(inner, f)),
        Pat::Tuple(inner) => inner.elems.iter().for_each(|inner| each_binding(inner, f)),
        Pat::TupleStruct(inner) => inner.elems.iter().for_each(|inner| each_binding(inner, f)),
        Pat::Struct(inner) => inner.fields.iter().for_each(|field| each_binding(&field.pat, f)),
        _ => {}
    }
}
