use super::{Expansion, hygienic, local::Local, policies::Policy, settings};
use crate::check::mentions;
use crate::model::{Function, Shell};
use crate::parse::function::each_binding;
use proc_macro2::{Group, Spacing, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::FnArg;
use syn::spanned::Spanned;

impl Expansion<'_> {
    pub(super) fn bulkhead(&self) -> Option<Policy> {
        let bulkhead = self.stack.bulkhead.as_ref()?;
        let threads = settings::constant(&bulkhead.threads, settings::whole);
        let name = bulkhead.name.as_ref().map(|name| quote_spanned!(hygienic()=> .name(#name)));
        let max_concurrent = settings::set("max_concurrent", bulkhead.max_concurrent.as_ref(), settings::whole);
        let queue = settings::set("queue", bulkhead.queue.as_ref(), settings::whole);
        let max_wait = settings::set("max_wait", bulkhead.max_wait.as_ref(), settings::duration);
        let new = quote_spanned!(hygienic()=> new(#threads) #name #max_concurrent #queue #max_wait);
        Some(Policy::new(Local::Bulkhead, new))
    }

    /// `.on(bulkhead)`, where a body that cannot leave its thread is reported at the attribute.
    pub(super) fn on_bulkhead(&self) -> Option<TokenStream> {
        let bulkhead = self.stack.bulkhead.as_ref()?;
        let local = Local::Bulkhead;
        Some(quote_spanned!(hygienic().located_at(bulkhead.span)=> .on(#local)))
    }

    /// Clones what the body uses of the parameters for an attempt that leaves its caller's thread and may be followed by another.
    pub(super) fn clones(&self, function: &Function) -> Option<TokenStream> {
        if self.stack.bulkhead.is_none() || !self.lends() {
            return None;
        }
        let mut body: TokenStream = function.body.iter().map(ToTokens::to_token_stream).collect();
        body.extend(self.transaction_mentions(function));
        let mut clones = TokenStream::new();
        for input in &function.signature.inputs {
            match input {
                FnArg::Receiver(this) => {
                    let this = match function.shell {
                        Shell::AsyncTrait { .. } => syn::Ident::new("__self", this.self_token.span).to_token_stream(),
                        _ => this.self_token.to_token_stream(),
                    };
                    let own = if self.renames_self(function) { Local::This.to_token_stream() } else { this.clone() };
                    clones.extend(quote_spanned!(hygienic()=> let #own = ::core::clone::Clone::clone(&#this);));
                }
                FnArg::Typed(typed) => {
                    let span = hygienic().located_at(typed.ty.span());
                    each_binding(&typed.pat, &mut |binding| {
                        let name = &binding.ident;
                        if !mentions(body.clone(), name) {
                            return;
                        }
                        clones.extend(quote_spanned!(span=> let #name = ::core::clone::Clone::clone(&#name);));
                    });
                }
            }
        }
        Some(clones)
    }

    /// Whether the body must call its receiver by another name, since `self` cannot be bound anew.
    pub(super) fn renames_self(&self, function: &Function) -> bool {
        let has_receiver = matches!(function.signature.inputs.first(), Some(FnArg::Receiver(_)));
        let is_async_trait = matches!(function.shell, Shell::AsyncTrait { .. });
        self.stack.bulkhead.is_some() && self.lends() && has_receiver && !is_async_trait
    }
}

/// The body with `this` in place of `self`, but for paths such as `self::name`, and for items with a `self` of their own.
pub(super) fn with_this(body: TokenStream) -> TokenStream {
    let mut of_its_own = false;
    let mut tokens = body.into_iter().peekable();
    let mut renamed = TokenStream::new();
    while let Some(token) = tokens.next() {
        let token: TokenTree = match token {
            TokenTree::Ident(name) if name == "self" && !tokens.peek().is_some_and(begins_path) => {
                syn::Ident::new("this", hygienic().located_at(name.span())).into()
            }
            TokenTree::Ident(name) => {
                of_its_own |= name == "impl" || name == "trait";
                name.into()
            }
            TokenTree::Punct(end) => {
                of_its_own &= end.as_char() != ';';
                end.into()
            }
            TokenTree::Group(group) if of_its_own && group.delimiter() == proc_macro2::Delimiter::Brace => {
                of_its_own = false;
                group.into()
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), with_this(group.stream()));
                inner.set_span(group.span());
                inner.into()
            }
            TokenTree::Literal(literal) => literal.into(),
        };
        renamed.extend([token]);
    }
    renamed
}

fn begins_path(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(colon) if colon.as_char() == ':' && colon.spacing() == Spacing::Joint)
}
