//! A marked function returns its future in a type that says so. It is the same function otherwise: every parameter
//! lives as long as in an `async fn`.

use super::hygienic;
use crate::model::{Function, Shell, Stack};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{FnArg, Pat, PatIdent, ReturnType, Signature};

/// The marks of a stack, outermost first.
pub(super) struct Marks<'a>(&'a Stack);

impl<'a> Marks<'a> {
    pub(super) fn of(stack: &'a Stack) -> Option<Self> {
        stack.is_marked().then_some(Self(stack))
    }

    /// `-> NonIdempotent<impl Future<Output = R>>`
    fn output(&self, future: &TokenStream) -> ReturnType {
        let runtime = &self.0.runtime;
        syn::parse_quote_spanned!(hygienic()=> -> #runtime::NonIdempotent<#future>)
    }

    /// `NonIdempotent::new(async move { .. })`
    fn future(&self, future: &TokenStream) -> TokenStream {
        let runtime = &self.0.runtime;
        quote_spanned!(hygienic()=> #runtime::NonIdempotent::new(#future))
    }

    fn signature(&self, signature: &Signature) -> Signature {
        let mut marked = signature.clone();
        marked.asyncness = None;
        marked.output = self.output(&future_type(signature));
        for input in &mut marked.inputs {
            if let FnArg::Typed(typed) = input
                && let Pat::Ident(PatIdent { mutability, .. }) = &mut *typed.pat
            {
                *mutability = None;
            }
        }
        marked
    }

    /// The marked function around the statements that were the body.
    pub(super) fn around(&self, function: &Function, statements: &TokenStream) -> TokenStream {
        let Function { attributes, signature: written, head, shell, .. } = function;
        let mut signature = self.signature(written);
        let block = match shell {
            Shell::Declaration => quote!(;),
            Shell::ImplFuture { before, capture } => {
                let future = self.future(&quote!(async #capture { #statements }));
                quote!({ #(#before)* #future })
            }
            Shell::AsyncFn | Shell::AsyncTrait { .. } => {
                let bound = bind(&mut signature, written);
                let future = self.future(&quote_spanned!(hygienic()=> async move { #bound #statements }));
                quote!({ #future })
            }
        };
        quote!(#(#attributes)* #head #signature #block)
    }
}

/// `impl Future<Output = R>`, which captures every lifetime in each edition: its span is of this one.
fn future_type(signature: &Signature) -> TokenStream {
    match &signature.output {
        ReturnType::Type(_, written) if signature.asyncness.is_none() => written.to_token_stream(),
        ReturnType::Default => quote_spanned!(hygienic()=> impl ::core::future::Future<Output = ()>),
        ReturnType::Type(_, ty) => quote_spanned!(hygienic()=> impl ::core::future::Future<Output = #ty>),
    }
}

/// Gives each parameter a name in the signature, and binds it anew, as written, where the future begins: what the
/// body does not use is dropped when the call ends, and no sooner.
fn bind(signature: &mut Signature, written: &Signature) -> TokenStream {
    let mut bound = TokenStream::new();
    for (index, (input, written)) in signature.inputs.iter_mut().zip(&written.inputs).enumerate() {
        match (input, written) {
            (FnArg::Receiver(this), _) => {
                let this = this.self_token;
                bound.extend(quote_spanned!(hygienic()=> let _ = &#this;));
            }
            (FnArg::Typed(typed), FnArg::Typed(written)) => {
                let pattern = &written.pat;
                let name = match &**pattern {
                    Pat::Ident(PatIdent { by_ref: None, ident, subpat: None, .. }) => ident.clone(),
                    _ => {
                        let name = Ident::new(&format!("argument_{index}"), hygienic());
                        *typed.pat = syn::parse_quote!(#name);
                        bound.extend(quote_spanned!(hygienic()=> let #name = #name;));
                        name
                    }
                };
                bound.extend(quote_spanned!(hygienic()=> let #pattern = #name;));
            }
            (FnArg::Typed(_), FnArg::Receiver(_)) => {}
        }
    }
    bound
}
