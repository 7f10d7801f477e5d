//! Statements of sqlx that are given the transaction, and run on the connection in it: `sqlx::query(..).execute(tx)`. What
//! rustc says of that is long, and none of it is about the transaction.

use crate::tokens::code;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The methods that run a statement.
const RUN: [&str; 7] = ["execute", "execute_many", "fetch", "fetch_all", "fetch_many", "fetch_one", "fetch_optional"];

/// The body with each such statement run on the connection, and which these are: the method, and what it was given.
/// Only of what begins with `sqlx::query` is it certain that it takes no transaction of ours.
pub(super) fn on_connections(body: TokenStream, misplaced: &mut Vec<(String, TokenStream)>) -> TokenStream {
    let mut seen: Vec<TokenTree> = Vec::new();
    let mut is_query = false;
    for token in body {
        let mended = match (&seen[..], token) {
            ([.., TokenTree::Punct(dot), TokenTree::Ident(run)], TokenTree::Group(on))
                if is_query && dot.as_char() == '.' && RUN.iter().any(|name| run == name) =>
            {
                is_query = false;
                if is_transaction(&on.stream()) {
                    misplaced.push((run.to_string(), on.stream()));
                    Group::new(Delimiter::Parenthesis, connection(on.stream())).into()
                } else {
                    on.into()
                }
            }
            (_, TokenTree::Group(group)) => {
                let mut whole = Group::new(group.delimiter(), on_connections(group.stream(), misplaced));
                whole.set_span(group.span());
                whole.into()
            }
            (before, token) => {
                is_query = match &token {
                    TokenTree::Punct(end) if end.as_char() == ';' => false,
                    TokenTree::Ident(name) if name.to_string().starts_with("query") => is_query || is_in_sqlx(before),
                    _ => is_query,
                };
                token
            }
        };
        seen.push(mended);
    }
    seen.into_iter().collect()
}

/// `sqlx::`
fn is_in_sqlx(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Punct(_)] if name == "sqlx")
}

/// `tx`, `&mut tx` or `&mut *tx`.
fn is_transaction(argument: &TokenStream) -> bool {
    ["tx", "& mut tx", "& mut * tx", "&mut tx", "&mut *tx"].contains(&argument.to_string().as_str())
}

/// `&mut **tx`, with the name as it was written.
fn connection(argument: TokenStream) -> TokenStream {
    let tx = argument.into_iter().last();
    code!(&mut **#tx)
}
