//! An attribute of ours as it stands in the program.

use super::Kind;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{LitStr, Path};

/// One attribute of ours as written, not yet read.
pub(crate) struct Written {
    pub(crate) kind: Kind,
    /// The attribute's own name, for messages about the whole of it.
    pub(crate) span: Span,
    pub(crate) arguments: TokenStream,
    /// What its `crate = path` says.
    pub(crate) runtime: Option<Path>,
    /// How it was spelled; `None` for the attribute being expanded.
    pub(crate) path: Option<Path>,
}

impl Written {
    /// `#[retry(used)] const _: &str = "message";`: a mistake that this attribute tells by itself. If it cannot, since it was
    /// never imported, rustc has said so; it is expanded last then, wherever it stands, and only seems to be misplaced.
    pub(crate) fn says(&self, message: &str) -> TokenStream {
        let (path, message) = (&self.path, LitStr::new(message, self.span));
        quote!(#[#path(used)] const _: &str = #message;)
    }
}
