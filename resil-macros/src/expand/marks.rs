//! A marked function returns its future in a type that says so. It is the same function otherwise: every parameter
//! lives as long as in an `async fn`.

use crate::function::{Function, Shell, conditions};
use crate::tokens::{code, hygienic};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{FnArg, Pat, PatIdent, Path, ReturnType, Signature, Token, Type};

/// A type around the future, which says what the call does.
pub(crate) trait Mark {
    /// The runtime's type.
    fn type_name(&self) -> &'static str;

    /// What must be known of the caller, before the future begins.
    fn called(&self) -> Option<TokenStream> {
        None
    }

    /// What is asked of a parameter.
    fn parameter(&self, _name: &Ident, _ty: &Type, _runtime: &Path) -> Option<TokenStream> {
        None
    }
}

/// The marks of a stack, outermost first.
pub(super) struct Marks<'a> {
    pub(super) marks: Vec<&'a dyn Mark>,
    pub(super) runtime: &'a Path,
}

impl Marks<'_> {
    /// The types of the marks, outermost first.
    fn types(&self) -> impl DoubleEndedIterator<Item = TokenStream> {
        let runtime = self.runtime;
        self.marks.iter().map(move |mark| {
            let name = Ident::new(mark.type_name(), hygienic());
            code!(#runtime::#name)
        })
    }

    /// `-> NonIdempotent<impl Future<Output = R>>`
    fn output(&self, future: TokenStream) -> ReturnType {
        let marked = self.types().rfold(future, |inner, mark| code!(#mark<#inner>));
        syn::parse_quote_spanned!(hygienic()=> -> #marked)
    }

    /// `NonIdempotent::new(async move { .. })`
    fn future(&self, future: TokenStream) -> TokenStream {
        self.types().rfold(future, |inner, mark| code!(#mark::new(#inner)))
    }

    fn called(&self) -> Option<TokenStream> {
        let called: Vec<_> = self.marks.iter().filter_map(|mark| mark.called()).collect();
        (!called.is_empty()).then(|| called.into_iter().collect())
    }

    /// `#[track_caller]`, where the caller matters, unless it stands there already.
    fn track_caller(&self, function: &Function) -> Option<TokenStream> {
        self.called()?;
        let tracks = function.attributes.iter().any(|attribute| attribute.path().is_ident("track_caller"));
        (!tracks).then(|| code!(#[track_caller]))
    }

    fn parameter(&self, name: &Ident, ty: &Type) -> Option<TokenStream> {
        self.marks.iter().find_map(|mark| mark.parameter(name, ty, self.runtime))
    }

    fn parameters(&self, signature: &Signature) -> TokenStream {
        let named = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(name) => {
                    let (conditions, asked) = (conditions(&typed.attrs), self.parameter(&name.ident, &typed.ty)?);
                    Some(code!(#conditions #asked))
                }
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
                let called = self.called();
                // A future that is returned borrows nothing from here: it can as well take the guard's place along.
                let capture = capture.is_some() || called.is_some();
                let capture = capture.then(|| quote!(move));
                let future = self.future(quote!(async #capture { #statements }));
                let asked = self.parameters(&signature);
                quote!({ #called #asked #(#before)* #future })
            }
            Shell::AsyncFn | Shell::AsyncTrait { .. } => {
                let called = self.called();
                let bound = self.bind(&mut signature, written);
                let body = code!(#bound #statements);
                let future = self.future(function.async_block(<Token![move]>::default(), &body));
                quote!({ #called #future })
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
                    bound.extend(code!(let _ = &#this;));
                }
                (FnArg::Typed(typed), FnArg::Typed(written)) => {
                    let pattern = &written.pat;
                    let name = match &**pattern {
                        // Of ours, so that no lint takes `let _ctx = _ctx;` for the user's.
                        Pat::Ident(PatIdent { by_ref: None, ident, subpat: None, .. }) => {
                            Ident::new(&ident.to_string(), hygienic().located_at(ident.span()))
                        }
                        _ => Ident::new(&format!("argument_{index}"), hygienic()),
                    };
                    *typed.pat = syn::parse_quote!(#name);
                    let conditions = conditions(&written.attrs);
                    if let Some(asked) = self.parameter(&name, &written.ty) {
                        bound.extend(code!(#conditions #asked));
                    }
                    // Taken first, since a pattern may leave it where it is.
                    if !matches!(&**pattern, Pat::Ident(PatIdent { by_ref: None, subpat: None, .. })) {
                        bound.extend(code!(#conditions let #name = #name;));
                    }
                    bound.extend(match &**pattern {
                        // To clippy a binding of that name alone is a slip.
                        Pat::Ident(quiet) if quiet.ident.to_string().starts_with('_') => {
                            code!(#conditions let (#pattern,) = (#name,);)
                        }
                        _ => code!(#conditions let #pattern = #name;),
                    });
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
        ReturnType::Default => code!(impl ::core::future::Future<Output = ()>),
        ReturnType::Type(_, ty) => code!(impl ::core::future::Future<Output = #ty>),
    }
}
