use syn::Path;

/// Attributes of the language and its tools, which transform nothing and may stand anywhere.
const INERT: &[&str] = &[
    "allow",
    "cfg",
    "cfg_attr",
    "cold",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "forbid",
    "inline",
    "must_use",
    "track_caller",
    "warn",
];
const TOOLS: &[&str] = &["clippy", "diagnostic", "rustfmt", "rustdoc"];

/// Whether an attribute leaves the function as it is. Any other may be a macro, which sees only what is below it.
pub(crate) fn is_inert(path: &Path) -> bool {
    let Some(first) = path.segments.first() else { return true };
    let list = if path.segments.len() == 1 { INERT } else { TOOLS };
    list.iter().any(|name| first.ident == name)
}
