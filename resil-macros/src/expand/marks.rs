//! A marked function returns its future in a type that says so. It is the same function otherwise: every parameter
//! lives as long as in an `async fn`.

use super::{hygienic, local::Local};
use crate::model::{Function, Shell, Stack};
use crate::paths;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{FnArg, Pat, PatIdent, ReturnType, Signature, Type};

/// The marks of a stack, outermost first.
pub(super) struct Marks<'a>(&'a Stack);

impl<'a> Marks<'a> {
    pub(super) fn of(stack: &'a Stack) -> Option<Self> {
        stack.is_marked().then_some(Self(stack))
    }

    /// The types of the marks, outermost first.
    fn types(&self) -> impl DoubleEndedIterator<Item = TokenStream> {
        let runtime = &self.0.runtime;
        let outside = self.0.outside_transaction.as_ref();
        let outside = outside.map(|_| quote_spanned!(hygienic()=> #runtime::OutsideTransaction));
        let once = self.0.non_idempotent.as_ref().map(|_| quote_spanned!(hygienic()=> #runtime::NonIdempotent));
        [outside, once].into_iter().flatten()
    }

    /// `-> NonIdempotent<impl Future<Output = R>>`
    fn output(&self, future: TokenStream) -> ReturnType {
        let marked = self.types().rfold(future, |inner, mark| quote_spanned!(hygienic()=> #mark<#inner>));
        syn::parse_quote_spanned!(hygienic()=> -> #marked)
    }

    /// `NonIdempotent::new(async move { .. })`
    fn future(&self, future: TokenStream) -> TokenStream {
        self.types().rfold(future, |inner, mark| quote_spanned!(hygienic()=> #mark::new(#inner)))
    }

    /// `let called_at = Location::caller();`, for the guard to name.
    fn called_at(&self) -> Option<TokenStream> {
        self.0.outside_transaction.as_ref()?;
        let called_at = Local::CalledAt;
        Some(quote_spanned!(hygienic()=> let #called_at = ::core::panic::Location::caller();))
    }

    /// `#[track_caller]`, unless it stands there already.
    fn track_caller(&self, function: &Function) -> Option<TokenStream> {
        self.0.outside_transaction.as_ref()?;
        let tracks = function.attributes.iter().any(|attribute| attribute.path().is_ident("track_caller"));
        (!tracks).then(|| quote_spanned!(hygienic()=> #[track_caller]))
    }

    /// Asks each parameter that looks like a transaction whether it is one.
    fn no_transaction(&self, parameter: &Ident, ty: &Type) -> Option<TokenStream> {
        self.0.outside_transaction.as_ref()?;
        let span = hygienic().located_at(sounds_like_a_transaction(ty.to_token_stream())?);
        let runtime = paths::located_at(&self.0.runtime, span);
        Some(quote_spanned! {span=>
            {
                use #runtime::__private::{OtherParameter as _, TransactionParameter as _};
                #runtime::__private::parameter(&#parameter, |parameter| parameter.stays_outside());
            }
        })
    }

    /// The same of all parameters.
    fn no_transactions(&self, signature: &Signature) -> TokenStream {
        let named = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(name) => self.no_transaction(&name.ident, &typed.ty),
                _ => None,
            },
            FnArg::Receiver(_) => None,
        });
        named.collect()
    }

    fn signature(&self, signature: &Signature) -> Signature {
        let mut marked = signature.clone();
        marked.asyncness = None;
        marked.output = self.output(future_type(signature));
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
                let called_at = self.called_at();
                // A future that is returned borrows nothing from here: it can as well take the guard's place along.
                let capture = capture.is_some() || called_at.is_some();
                let capture = capture.then(|| quote!(move));
                let future = self.future(quote!(async #capture { #statements }));
                let no_transaction = self.no_transactions(&signature);
                quote!({ #called_at #no_transaction #(#before)* #future })
            }
            Shell::AsyncFn | Shell::AsyncTrait { .. } => {
                let called_at = self.called_at();
                let bound = self.bind(&mut signature, written);
                let future = self.future(quote_spanned!(hygienic()=> async move { #bound #statements }));
                quote!({ #called_at #future })
            }
        };
        let track_caller = match shell {
            Shell::Declaration => None,
            _ => self.track_caller(function),
        };
        quote!(#(#attributes)* #track_caller #head #signature #block)
    }

    /// Gives each parameter a name in the signature, and binds it anew, as written, where the future begins: what the
    /// body does not use is dropped when the call ends, and no sooner.
    fn bind(&self, signature: &mut Signature, written: &Signature) -> TokenStream {
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
                    bound.extend(self.no_transaction(&name, &written.ty));
                    bound.extend(quote_spanned!(hygienic()=> let #pattern = #name;));
                }
                (FnArg::Typed(_), FnArg::Receiver(_)) => {}
            }
        }
        bound
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

/// Where a type is named like a transaction. Only the compiler knows whether it is one.
fn sounds_like_a_transaction(ty: TokenStream) -> Option<Span> {
    ty.into_iter().find_map(|token| match token {
        TokenTree::Ident(name) => {
            let text = name.to_string();
            (text.ends_with("Tx") || text.ends_with("Transaction")).then(|| name.span())
        }
        TokenTree::Group(group) => sounds_like_a_transaction(group.stream()),
        _ => None,
    })
}
