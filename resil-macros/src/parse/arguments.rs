//! The items between an attribute's parentheses, and the structs they are read into.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Ident, Lit, LitBool, MacroDelimiter, Meta, MetaList, MetaNameValue, Path, Token, token};

/// One item of an attribute.
pub(super) enum Item {
    /// A literal by itself.
    Alone(Expr),
    /// `name`, `name = value` or `name(..)`.
    Named(Meta),
    /// `name = ` something that is no expression, and where.
    Unreadable(Path, Span),
}

/// All items; fails only where they cannot be told apart.
pub(super) fn items(tokens: TokenStream) -> syn::Result<Vec<Item>> {
    let items = Punctuated::<Item, Token![,]>::parse_terminated.parse2(tokens)?;
    Ok(items.into_iter().collect())
}

impl Parse for Item {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        if input.peek(Lit) && !(input.peek(LitBool) && input.peek2(Token![=])) {
            return input.parse().map(|lit| Self::Alone(Expr::Lit(ExprLit { attrs: Vec::new(), lit })));
        }
        if !input.peek(Ident::peek_any) && !input.peek(Token![::]) {
            return Err(input.error("expected an argument"));
        }
        let path = input.call(Path::parse_mod_style)?;
        if input.peek(token::Paren) {
            let group: proc_macro2::Group = input.parse()?;
            let delimiter = MacroDelimiter::Paren(token::Paren(group.span()));
            return Ok(Self::Named(Meta::List(MetaList { path, delimiter, tokens: group.stream() })));
        }
        if !input.peek(Token![=]) {
            return Ok(Self::Named(Meta::Path(path)));
        }
        let eq_token = input.parse()?;
        let at = input.span();
        match input.parse() {
            Ok(value) => Ok(Self::Named(Meta::NameValue(MetaNameValue { path, eq_token, value }))),
            // The next argument may be fine.
            Err(_) => {
                while !input.is_empty() && !input.peek(Token![,]) {
                    input.parse::<TokenTree>()?;
                }
                Ok(Self::Unreadable(path, at))
            }
        }
    }
}

/// A value that can be read from `name = value`.
pub(super) trait Argument: Sized {
    /// Reads it, or says at the user's own token what was wanted.
    fn read(meta: &Meta) -> syn::Result<Self>;
}

/// The named arguments of one attribute.
pub(crate) trait Fields: Default {
    /// Every argument's name.
    const KNOWN: &'static [&'static str];
    /// Reads one known argument.
    fn set(&mut self, meta: &Meta) -> syn::Result<()>;
}

/// A struct of optional arguments, each with the name it is written under; in brackets, a value that stands alone.
macro_rules! arguments {
    ($name:ident $([$alone:ident: $alone_type:ty])? { $($field:ident = $key:literal: $type:ty,)* }) => {
        #[derive(Default)]
        pub(crate) struct $name {
            $($alone: $alone_type,)?
            $($field: Option<$type>,)*
        }

        impl super::arguments::Fields for $name {
            const KNOWN: &'static [&'static str] = &[$($key),*];

            fn set(&mut self, meta: &syn::Meta) -> syn::Result<()> {
                $(if meta.path().is_ident($key) {
                    self.$field = Some(super::arguments::Argument::read(meta)?);
                })*
                Ok(())
            }
        }
    };
}
pub(super) use arguments;
