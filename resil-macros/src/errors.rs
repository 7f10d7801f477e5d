//! The mistakes of a stack. Each message stands at the user's own token and ends in the line to type instead.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use std::fmt::Display;
use syn::Error;

/// All mistakes of a stack, reported at once.
#[derive(Default)]
pub(crate) struct Errors(Vec<Error>);

impl Errors {
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.push(Error::new(span, message));
    }

    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&mut self, error: Error) {
        self.0.push(error);
    }

    pub(crate) fn append(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(crate) fn take<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The item without our attributes, beside every mistake: nothing that uses it fails for a second reason.
    pub(crate) fn beside(&self, item: TokenStream) -> TokenStream {
        self.0.iter().map(Error::to_compile_error).chain([item]).collect()
    }
}

/// A path or a type as it was written.
pub(crate) fn text(tokens: impl ToTokens) -> String {
    let text = tokens.to_token_stream().to_string();
    [(" < ", "<"), (" >", ">"), ("& ", "&"), (" ,", ","), (" :: ", "::"), (":: ", "::")]
        .into_iter()
        .fold(text, |text, (spaced, close)| text.replace(spaced, close))
}
