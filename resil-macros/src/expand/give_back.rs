use crate::diagnostics::Errors;
use proc_macro2::TokenStream;

/// The item without our attributes, beside every mistake: nothing that uses it fails for a second reason.
pub(crate) fn with(item: TokenStream, errors: &Errors) -> TokenStream {
    let mut tokens = errors.to_compile_errors();
    tokens.extend(item);
    tokens
}
