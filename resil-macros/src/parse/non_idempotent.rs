use super::arguments::arguments;
use super::values::Function;
use super::{Arguments, Given};
use crate::diagnostics::Errors;
use crate::model::NonIdempotent;
use proc_macro2::Span;
use syn::Path;

arguments! {
    NonIdempotentArguments {
        runtime = "crate": Function,
    }
}

impl Arguments for NonIdempotentArguments {
    type Model = NonIdempotent;
    const EXAMPLE: &'static str = "non_idempotent";

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, _: Span, _: &Given, _: &mut Errors) -> Option<NonIdempotent> {
        Some(NonIdempotent)
    }
}
