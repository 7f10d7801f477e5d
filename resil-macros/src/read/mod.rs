//! Tokens -> arguments: the items between the parentheses, and every kind of value that one can have.

mod arguments;
mod duration;
mod items;
mod names;
mod time;
mod values;

pub(crate) use arguments::{Argument, Arguments, Value, arguments, new_or_of, set};
pub(crate) use duration::{likely as likely_duration, named_bound};
pub(crate) use items::{Item, crate_path, in_statics, items, value, values_in_statics};
pub(crate) use names::{first_of, value_of};
pub(crate) use values::*;

use proc_macro2::Span;
use syn::Ident;

/// The argument that every attribute has.
pub(crate) const CRATE: &str = "crate";

/// What stands in one attribute, readable or not: a mistake in an argument is no second mistake for lack of it.
pub(crate) struct Given {
    /// The attribute's own name.
    pub(crate) span: Span,
    /// The names that could be read, in the order written.
    pub(crate) names: Vec<Ident>,
    /// The names that were meant by what could not be read.
    pub(crate) meant: Vec<&'static str>,
    /// Whether anything could not be read.
    pub(crate) unread: bool,
}

impl Given {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|given| given == name) || self.meant.contains(&name)
    }

    pub(crate) fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    /// Those of these names that could be read, in the order written.
    pub(crate) fn among<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a Ident> {
        self.names.iter().filter(|given| names.iter().any(|name| *given == name))
    }
}
