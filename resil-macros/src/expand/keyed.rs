//! `key = .., max_keys = ..`: a state for each key, of whatever has a state.

use crate::errors::Errors;
use crate::read::{Argument, Constant, Count, Expression, Given};
use crate::tokens::{code_at, operand};
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use std::fmt::Display;
use syn::spanned::Spanned;

/// Enough for the tenants of a service, and 2.5 MB of circuits at most.
const MAX_KEYS: u32 = 10_000;

pub(crate) struct Keyed {
    key: Argument<Expression>,
    max_keys: Option<Argument<Count>>,
}

impl Keyed {
    /// The state for each key that a policy was asked for.
    pub(crate) fn of(
        key: Option<Argument<Expression>>,
        max_keys: Option<Argument<Count>>,
        given: &Given,
        errors: &mut Errors,
    ) -> Option<Self> {
        if let (None, Some(max_keys)) = (&key, &max_keys)
            && !given.has("key")
        {
            pointless(max_keys.at, &max_keys.key, "key", "tenant.id", errors);
        }
        key.map(|key| Self { key, max_keys })
    }

    /// `&key`, at the user's own token: that is where a key which cannot be hashed is reported.
    pub(crate) fn reference(&self) -> TokenStream {
        let key = operand(&self.key.0);
        code_at!(self.key.0.span()=> &#key)
    }

    /// How many keys have a state of their own.
    pub(super) fn max_keys(&self) -> TokenStream {
        self.max_keys.as_ref().map_or_else(|| MAX_KEYS.constant(), ToTokens::to_token_stream)
    }
}

/// An argument that says something about another one, which is missing.
pub(crate) fn pointless(at: Span, name: impl Display, needed: &str, example: &str, errors: &mut Errors) {
    errors.at(at, format!("`{name}` does nothing without `{needed}`; add `{needed} = {example}`"));
}
