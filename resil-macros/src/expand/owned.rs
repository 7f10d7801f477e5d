//! An attempt that leaves its caller's thread owns what it uses, and may be followed by another: it gets clones.

use super::context::Context;
use crate::function::{Shell, conditions, each_binding, mentions};
use crate::tokens::{Local, code, code_at};
use proc_macro2::{Delimiter, Group, Ident, Literal, Spacing, TokenStream, TokenTree};
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
                        let conditions = conditions(&typed.attrs);
                        let clone = code_at!(typed.ty.span()=> let #name = ::core::clone::Clone::clone(&#name););
                        clones.extend(code!(#conditions #clone));
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

/// The body with `this` in place of `self`: but not in paths, imports and visibilities, nor in items with a `self` of their
/// own.
fn with_this(body: TokenStream) -> TokenStream {
    let mut of_its_own = false;
    let mut tokens = body.into_iter().peekable();
    let mut renamed: Vec<TokenTree> = Vec::new();
    while let Some(token) = tokens.next() {
        let token: TokenTree = match token {
            TokenTree::Ident(name) if name == "self" && !tokens.peek().is_some_and(begins_path) => {
                THIS.at(name.span()).into()
            }
            TokenTree::Ident(name) => {
                of_its_own |= ["impl", "trait", "use"].iter().any(|word| name == word);
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
            TokenTree::Group(group) if is_visibility(&renamed) => group.into(),
            TokenTree::Group(group) => {
                let mut inside = with_this(group.stream());
                if let Some(first) = before_format(&renamed) {
                    inside = with_captured(inside, first);
                }
                let mut inner = Group::new(group.delimiter(), inside);
                inner.set_span(group.span());
                inner.into()
            }
            TokenTree::Literal(literal) => literal.into(),
        };
        renamed.push(token);
    }
    renamed.into_iter().collect()
}

fn begins_path(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(colon) if colon.as_char() == ':' && colon.spacing() == Spacing::Joint)
}

/// Whether `pub` stands before a group: `pub(self)`.
fn is_visibility(before: &[TokenTree]) -> bool {
    matches!(before.last(), Some(TokenTree::Ident(word)) if word == "pub")
}

/// How many arguments a macro has before its format string, if it has one.
fn before_format(seen: &[TokenTree]) -> Option<usize> {
    let [.., TokenTree::Ident(name), TokenTree::Punct(bang)] = seen else { return None };
    match name.to_string().as_str() {
        _ if bang.as_char() != '!' => None,
        "anyhow" | "bail" | "debug" | "eprint" | "eprintln" | "error" | "format" | "format_args" | "info" | "panic"
        | "print" | "println" | "todo" | "trace" | "unimplemented" | "unreachable" | "warn" => Some(0),
        "assert" | "debug_assert" | "ensure" | "write" | "writeln" => Some(1),
        "assert_eq" | "assert_ne" | "debug_assert_eq" | "debug_assert_ne" => Some(2),
        _ => None,
    }
}

/// `"{self:?}"` as `"{resil_self:?}", resil_self = this`. What else is captured is still found where it was.
fn with_captured(arguments: TokenStream, first: usize) -> TokenStream {
    let mut tokens: Vec<TokenTree> = arguments.into_iter().collect();
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',');
    let all = tokens.split_mut(is_comma).skip(first);
    let format = all.filter_map(|argument| match argument {
        [TokenTree::Literal(literal)] => Some(literal),
        _ => None,
    });
    if let Some(format) = format.into_iter().next()
        && let Some(renamed) = captured(format)
    {
        *format = renamed;
        let comma = (!tokens.last().is_some_and(is_comma)).then(|| code!(,));
        tokens.extend(code!(#comma resil_self = #THIS));
    }
    tokens.into_iter().collect()
}

/// A format string with another name for `self`, if it captures it.
fn captured(format: &Literal) -> Option<Literal> {
    let text = format.to_string();
    let (mut renamed, mut rest) = (String::new(), text.as_str());
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at + 1);
        renamed.push_str(before);
        rest = after;
        if let Some(escaped) = after.strip_prefix('{') {
            renamed.push('{');
            rest = escaped;
        } else if let Some(captured) = after.strip_prefix("self").filter(|more| more.starts_with(['}', ':'])) {
            renamed.push_str("resil_self");
            rest = captured;
        }
    }
    renamed.push_str(rest);
    let mut literal: Literal = renamed.parse().ok().filter(|_| renamed != text)?;
    literal.set_span(format.span());
    Some(literal)
}
