use super::durable;
use crate::diagnostics::Errors;
use crate::model::{Function, Stack};
use proc_macro2::TokenStream;

/// The item without our attributes, beside every mistake: nothing that uses it fails for a second reason.
pub(crate) fn with(item: TokenStream, errors: &Errors) -> TokenStream {
    let mut tokens = errors.to_compile_errors();
    tokens.extend(item);
    tokens
}

/// The same, and the operation of the ledger, if only something else is wrong: its name is used elsewhere.
pub(crate) fn with_operation(item: TokenStream, stack: &Stack, function: &Function, errors: &Errors) -> TokenStream {
    let mut tokens = with(item, errors);
    tokens.extend(durable::operation(stack, function));
    tokens
}
