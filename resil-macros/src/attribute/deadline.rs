//! `#[deadline("30s")]`: one bound over all attempts and waits.

use super::about::Attribute;
use super::facts::Handle;
use crate::errors::Errors;
use crate::expand::{Call, Context, Layer, Needs};
use crate::function::Function;
use crate::read::{Given, Setting, arguments, bound};
use crate::tokens::{Local, code};
use proc_macro2::TokenStream;
use std::time::Duration;
use syn::Expr;

pub(super) const DEADLINE: Local = Local("deadline");

arguments! { [limit: Setting<Duration>] }

pub(crate) struct Deadline {
    pub(super) limit: Setting<Duration>,
}

impl Attribute for Deadline {
    type Arguments = Arguments;
    const EXAMPLE: &'static str = "deadline(\"30s\")";
    const HANDLE: Option<Handle> = Some(Handle { local: DEADLINE, type_name: "Deadline" });
    const STANDS_ALONE: bool = true;

    fn alone(arguments: &mut Arguments, value: &Expr, errors: &mut Errors) {
        arguments.limit = bound(value, "deadline", errors);
    }

    fn new(arguments: Arguments, given: &Given, errors: &mut Errors) -> Option<Self> {
        if arguments.limit.is_none() && !given.unread {
            let example = Self::EXAMPLE;
            errors.at(given.span, format!("`#[deadline]` without a bound waits forever; write `#[{example}]`"));
        }
        arguments.limit.map(|limit| Self { limit })
    }
}

impl Layer for Deadline {
    fn needs(&self, needs: &mut Needs, _: &Function) {
        needs.refuses = true;
        needs.deadline = Some(code!(.within(#DEADLINE)));
    }

    fn handle(&self, _: &Context<'_>) -> Option<TokenStream> {
        let limit = &self.limit;
        Some(code!(within(#limit)))
    }

    fn around(&self, inside: Call, _: &TokenStream, _: &Context<'_>) -> Call {
        inside.after(code!(let #DEADLINE = #DEADLINE.start();))
    }
}
