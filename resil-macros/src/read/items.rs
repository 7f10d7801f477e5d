//! The items between an attribute's parentheses.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, MacroDelimiter, Meta, MetaList, MetaNameValue, Path, Token, token};

/// One item of an attribute.
pub(crate) enum Item {
    /// A value by itself.
    Alone(Expr),
    /// `name`, `name = value` or `name(..)`.
    Named(Meta),
    /// `name = ` something that is no expression, and where.
    Unreadable(Path, Span),
}

/// All items; fails only where they cannot be told apart.
pub(crate) fn items(tokens: TokenStream) -> syn::Result<Vec<Item>> {
    let items = Punctuated::<Item, Token![,]>::parse_terminated.parse2(tokens)?;
    Ok(items.into_iter().collect())
}

impl Parse for Item {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        if !is_named(&input.fork()) {
            return input.parse().map(Self::Alone);
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

/// Whether a name of ours stands here, known or not, and no value: `limits::of(5)` and `LIMITS[0]` are values, `limit(5)`
/// is none.
fn is_named(input: ParseStream) -> bool {
    let Ok(path) = input.call(Path::parse_mod_style) else { return false };
    if input.peek(Token![=]) && !input.peek(Token![==]) {
        return true;
    }
    if input.peek(token::Paren) && input.parse::<proc_macro2::Group>().is_err() {
        return false;
    }
    path.get_ident().is_some() && (input.is_empty() || input.peek(Token![,]))
}

/// Unread arguments but for those that stand in the function itself and not in a static.
pub(crate) fn in_statics(in_function: &[&str], tokens: TokenStream) -> TokenStream {
    let Ok(items) = items(tokens.clone()) else { return tokens };
    let in_statics = items.into_iter().filter_map(|item| match item {
        Item::Alone(value) => Some(value.into_token_stream()),
        Item::Named(meta) if !in_function.iter().any(|name| meta.path().is_ident(name)) => {
            Some(meta.into_token_stream())
        }
        _ => None,
    });
    in_statics.map(|tokens| quote::quote!(#tokens,)).collect()
}

/// What stands in a static, with the name of its argument, if it has one.
pub(crate) fn values_in_statics(
    in_function: &[&str],
    tokens: TokenStream,
) -> impl Iterator<Item = (Option<Path>, Expr)> {
    items(tokens).unwrap_or_default().into_iter().filter_map(|item| match item {
        Item::Alone(value) => Some((None, value)),
        Item::Named(Meta::NameValue(pair)) if !in_function.iter().any(|name| pair.path.is_ident(name)) => {
            Some((Some(pair.path), pair.value))
        }
        _ => None,
    })
}

/// The value of one argument, among unread ones.
pub(crate) fn value(tokens: &TokenStream, name: &str) -> Option<(Path, Expr)> {
    items(tokens.clone()).ok()?.into_iter().find_map(|item| match item {
        Item::Named(Meta::NameValue(pair)) if pair.path.is_ident(name) => Some((pair.path, pair.value)),
        _ => None,
    })
}

/// The `crate = path` among unread arguments, needed to recognise siblings spelled with that path.
pub(crate) fn crate_path(tokens: &TokenStream) -> Option<Path> {
    match value(tokens, super::CRATE)? {
        (_, Expr::Path(path)) => Some(path.path),
        _ => None,
    }
}
