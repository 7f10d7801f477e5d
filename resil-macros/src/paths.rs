//! The only place that spells the runtime's path.

use proc_macro2::Span;
use syn::{Path, parse_quote_spanned};

/// Where a user's crate finds us, unless `crate = path` says otherwise.
pub(crate) fn default_runtime() -> Path {
    parse_quote_spanned!(Span::mixed_site()=> ::resil)
}

/// Whether `path` names an attribute of ours: `retry`, `resil::retry`, `::resil::retry`, or `the_crate_path::retry`.
pub(crate) fn ours(path: &Path, runtime: Option<&Path>) -> Option<crate::model::Kind> {
    let last = path.segments.last()?;
    let kind = crate::model::Kind::named(&last.ident)?;
    let prefix: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let prefix = &prefix[..prefix.len() - 1];
    let renamed =
        runtime.is_some_and(|runtime| runtime.segments.iter().map(|s| s.ident.to_string()).eq(prefix.iter().cloned()));
    (prefix.is_empty() || prefix == ["resil"] || renamed).then_some(kind)
}
