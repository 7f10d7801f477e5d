//! The parameters of the function, by what the ledger does with them.

use crate::function::{mentions, names_a_key};
use crate::read::Expression;
use crate::tokens::hygienic;
use proc_macro2::Ident;
use quote::ToTokens;
use syn::{FnArg, Pat, Type};

/// The function's parameters, by what the ledger does with them.
pub(super) struct Parameter<'a> {
    pub(super) name: &'a Ident,
    pub(super) ty: &'a Type,
    pub(super) role: Role<'a>,
}

/// What the functions of an operation call their other parameters.
const OTHERS: [&str; 8] = ["given", "_given", "key", "_key", "original", "receipt", "tx", "why"];

impl Parameter<'_> {
    /// Its name where it is only handed on: a function of the user's may have the same.
    pub(super) fn local(&self) -> Ident {
        let name = self.name.to_string();
        let name = if OTHERS.contains(&&*name) { format!("argument_{name}") } else { name };
        Ident::new(&name, hygienic().located_at(self.name.span()))
    }

    /// Whether it may be left unused.
    pub(super) fn is_quiet(&self) -> bool {
        self.name.to_string().starts_with('_')
    }

    /// Its name where an expression of the user's may use it.
    pub(super) fn visible(&self, used_by: Option<&Expression>) -> Ident {
        let is_used = used_by.is_some_and(|used_by| mentions(used_by.to_token_stream(), self.name));
        // To clippy the use of `_order` is a slip.
        if self.is_quiet() && !is_used { self.local() } else { self.name.clone() }
    }
}

pub(super) enum Role<'a> {
    /// Given to the ledger at start.
    Given(&'a Type),
    /// Made by the ledger.
    Key,
    /// Stored with the intent.
    Stored,
}

/// `fits` has seen to it that each has a name.
pub(super) fn parameter(input: &FnArg) -> Option<Parameter<'_>> {
    let FnArg::Typed(typed) = input else { return None };
    let Pat::Ident(name) = &*typed.pat else { return None };
    let role = match &*typed.ty {
        ty if names_a_key(ty) => Role::Key,
        Type::Reference(reference) => Role::Given(&reference.elem),
        _ => Role::Stored,
    };
    Some(Parameter { name: &name.ident, ty: &typed.ty, role })
}
