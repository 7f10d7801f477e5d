//! The only place that spells the runtime's path.

use crate::attribute::Kind;
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Path, parse_quote_spanned};

/// Where a user's crate finds us, unless `crate = path` says otherwise.
pub(crate) fn default_runtime() -> Path {
    parse_quote_spanned!(Span::mixed_site()=> ::resil)
}

/// The runtime's path, as if written at `span`: so that rustc underlines what is there, and nothing else.
pub(crate) fn located_at(runtime: &Path, span: Span) -> TokenStream {
    let tokens = runtime.to_token_stream().into_iter();
    tokens
        .map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}

/// Whether `path` names an attribute of ours: `retry`, `resil::retry`, `::resil::retry`, or `the_crate_path::retry`.
pub(crate) fn ours(path: &Path, runtime: Option<&Path>) -> Option<Kind> {
    let last = path.segments.last()?;
    let kind = Kind::named(&last.ident)?;
    let prefix: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let prefix = &prefix[..prefix.len() - 1];
    let renamed =
        runtime.is_some_and(|runtime| runtime.segments.iter().map(|s| s.ident.to_string()).eq(prefix.iter().cloned()));
    (prefix.is_empty() || prefix == ["resil"] || renamed).then_some(kind)
}
