//! The only place that spells the runtime's path.

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
