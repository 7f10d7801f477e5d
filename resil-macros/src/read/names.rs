//! Names among the tokens of an argument.

use proc_macro2::{Ident, TokenStream, TokenTree};

/// The first of these names that stands for a value: for no field, no function, and no part of a path.
pub(crate) fn value_of(tokens: TokenStream, names: &[String]) -> Option<Ident> {
    let mut tokens = tokens.into_iter().peekable();
    let mut is_field = false;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) => is_field = matches!(punct.as_char(), '.' | ':'),
            TokenTree::Ident(ident) => {
                let is_more = match tokens.peek() {
                    Some(TokenTree::Punct(punct)) => matches!(punct.as_char(), ':' | '!'),
                    Some(TokenTree::Group(_)) => true,
                    _ => false,
                };
                if !std::mem::take(&mut is_field) && !is_more && names.iter().any(|name| ident == name) {
                    return Some(ident);
                }
            }
            TokenTree::Group(group) => {
                if let Some(found) = value_of(group.stream(), names) {
                    return Some(found);
                }
            }
            TokenTree::Literal(_) => {}
        }
    }
    None
}

/// The first of these names, but for those within a path.
pub(crate) fn first_of(tokens: TokenStream, names: &[String]) -> Option<Ident> {
    let mut in_path = false;
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Punct(punct) => {
            in_path = punct.as_char() == ':';
            None
        }
        // `self::RETRY` is somebody else's.
        TokenTree::Ident(_) if std::mem::take(&mut in_path) => None,
        TokenTree::Ident(ident) => names.iter().any(|name| ident == name).then_some(ident),
        TokenTree::Group(group) => first_of(group.stream(), names),
        TokenTree::Literal(_) => None,
    })
}
