//! An attempt that leaves its caller's thread owns what it uses, and may be followed by another: it gets clones.

use super::Context;
use crate::function::{Shell, each_binding, mentions};
use crate::tokens::{Local, code, code_at};
use proc_macro2::{Delimiter, Group, Ident, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::FnArg;
use syn::spanned::Spanned;

const THIS: Local = Local("this");

impl Context<'_> {
    /// Clones what the body uses of the parameters, where the attempt only borrows them and owns what it uses.
    pub(super) fn clones(&self) -> Option<TokenStream> {
        if !self.needs.owns || !self.needs.lends {
            return None;
        }
        let mut used = self.function.body_tokens();
        used.extend(self.needs.mentions.clone());
        let mut clones = TokenStream::new();
        for input in &self.function.signature.inputs {
            match input {
                FnArg::Receiver(this) => {
                    let this = match self.function.shell {
                        Shell::AsyncTrait { .. } => Ident::new("__self", this.self_token.span).to_token_stream(),
                        _ => this.self_token.to_token_stream(),
                    };
                    let own = if self.renames_self() { THIS.to_token_stream() } else { this.clone() };
                    clones.extend(code!(let #own = ::core::clone::Clone::clone(&#this);));
                }
                FnArg::Typed(typed) => each_binding(&typed.pat, &mut |binding| {
                    let name = &binding.ident;
                    if mentions(used.clone(), name) {
                        clones.extend(code_at!(typed.ty.span()=> let #name = ::core::clone::Clone::clone(&#name);));
                    }
                }),
            }
        }
        Some(clones)
    }

    /// Whether the body must call its receiver by another name, since `self` cannot be bound anew.
    fn renames_self(&self) -> bool {
        let has_receiver = matches!(self.function.signature.inputs.first(), Some(FnArg::Receiver(_)));
        let is_async_trait = matches!(self.function.shell, Shell::AsyncTrait { .. });
        self.needs.owns && self.needs.lends && has_receiver && !is_async_trait
    }

    /// Tokens of the user's as they stand in an attempt, which may have the receiver under another name.
    pub(crate) fn in_attempt(&self, tokens: TokenStream) -> TokenStream {
        if self.renames_self() { with_this(tokens) } else { tokens }
    }
}

/// The body with `this` in place of `self`, but for paths such as `self::name`, and for items with a `self` of their own.
fn with_this(body: TokenStream) -> TokenStream {
    let mut of_its_own = false;
    let mut tokens = body.into_iter().peekable();
    let mut renamed = TokenStream::new();
    while let Some(token) = tokens.next() {
        let token: TokenTree = match token {
            TokenTree::Ident(name) if name == "self" && !tokens.peek().is_some_and(begins_path) => {
                THIS.at(name.span()).into()
            }
            TokenTree::Ident(name) => {
                of_its_own |= name == "impl" || name == "trait";
                name.into()
            }
            TokenTree::Punct(end) => {
                of_its_own &= end.as_char() != ';';
                end.into()
            }
            TokenTree::Group(group) if of_its_own && group.delimiter() == Delimiter::Brace => {
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
