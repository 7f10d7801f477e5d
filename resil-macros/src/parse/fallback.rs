use super::arguments::arguments;
use super::values::{Function, Reason, Time, Value, Word};
use super::{Arguments, Given};
use crate::diagnostics::{self, Errors};
use crate::model::{Acting, Fallback, Instead};
use proc_macro2::Span;
use syn::Path;

arguments! {
    FallbackArguments {
        value = "value": Value,
        with = "with": Function,
        stale = "stale": Time,
        key = "key": Value,
        unsent = "unsent": Word,
        acts = "acts": Reason,
        runtime = "crate": Function,
    }
}

const FORMS: [&str; 3] = ["value", "with", "stale"];

impl Arguments for FallbackArguments {
    type Model = Fallback;
    const EXAMPLE: &'static str = "fallback(value = Vec::new())";

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, span: Span, given: &Given, errors: &mut Errors) -> Option<Fallback> {
        let acting = match (self.unsent, self.acts) {
            (None, None) => Acting::Unsaid,
            (Some(Word), None) => Acting::Unsent,
            (None, Some(Reason(why))) => Acting::Harmless(why),
            (Some(_), Some(_)) => {
                errors
                    .extend(given.names.iter().filter(|name| name.is_ident("acts")).map(diagnostics::unsent_and_acts));
                return None;
            }
        };
        if !given.has("with") {
            let names = given.names.iter().filter(|name| name.is_ident("unsent") || name.is_ident("acts"));
            let mut stray = names.map(diagnostics::acting_without_function).peekable();
            if stray.peek().is_some() {
                errors.extend(stray);
                return None;
            }
        }
        let instead = match (self.value, self.with, self.stale, self.key) {
            (Some(value), None, None, None) => Instead::Value(value.0),
            (None, Some(path), None, None) => Instead::With(path.0, acting),
            (None, None, Some(max_age), Some(key)) => Instead::Stale { max_age: max_age.0, key: key.0 },
            (None, None, Some(_), None) if !given.has("key") => {
                errors.extend(
                    given.names.iter().filter(|name| name.is_ident("stale")).map(diagnostics::stale_without_key),
                );
                return None;
            }
            (_, _, None, Some(_)) if !given.has("stale") => {
                errors
                    .extend(given.names.iter().filter(|name| name.is_ident("key")).map(diagnostics::key_without_stale));
                return None;
            }
            (None, None, None, None) => {
                if !FORMS.iter().any(|form| given.has(form)) {
                    errors.push(diagnostics::no_fallback(span));
                }
                return None;
            }
            _ => {
                let forms = given.names.iter().filter(|name| FORMS.iter().any(|form| name.is_ident(form)));
                errors.extend(forms.skip(1).map(diagnostics::two_fallbacks));
                return None;
            }
        };
        Some(Fallback { instead })
    }
}
