use super::arguments::arguments;
use super::keyed::keyed;
use super::values::{Count, Function, Name, Value, Wait};
use super::{Arguments, Given};
use crate::diagnostics::{self, Errors};
use crate::model::Semaphore;
use proc_macro2::Span;
use syn::{Lit, Path};

arguments! {
    SemaphoreArguments {
        name = "name": Name,
        key = "key": Value,
        max_keys = "max_keys": Count,
        permits = "permits": Count,
        max_wait = "max_wait": Wait,
        runtime = "crate": Function,
    }
}

impl Arguments for SemaphoreArguments {
    type Model = Semaphore;
    const EXAMPLE: &'static str = "semaphore(permits = 10)";

    fn meant_by(value: &Lit) -> Option<&'static str> {
        matches!(value, Lit::Int(_)).then_some("permits")
    }

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, span: Span, given: &Given, errors: &mut Errors) -> Option<Semaphore> {
        if self.permits.is_none() && !given.unread {
            errors.push(diagnostics::no_permits(span));
        }
        let keyed = keyed(self.key, self.max_keys, given, errors);
        Some(Semaphore {
            name: self.name.map(|name| name.0),
            keyed,
            permits: self.permits?.0,
            max_wait: self.max_wait.map(|wait| wait.0),
        })
    }
}
