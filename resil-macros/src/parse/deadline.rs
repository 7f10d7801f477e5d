use super::arguments::arguments;
use super::values::{Function, bound};
use super::{Arguments, Given};
use crate::diagnostics::{self, Errors};
use crate::model::{Deadline, Kind, Setting};
use proc_macro2::Span;
use std::time::Duration;
use syn::{Expr, Path};

arguments! {
    DeadlineArguments [limit: Option<Setting<Duration>>] {
        runtime = "crate": Function,
    }
}

impl Arguments for DeadlineArguments {
    type Model = Deadline;
    const EXAMPLE: &'static str = "deadline(\"30s\")";

    fn positional(&mut self, value: &Expr, errors: &mut Errors) -> bool {
        self.limit = bound(value, Kind::Deadline, errors);
        true
    }

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, span: Span, given: &Given, errors: &mut Errors) -> Option<Deadline> {
        if self.limit.is_none() && !given.unread {
            errors.push(diagnostics::no_bound(span, Kind::Deadline, Self::EXAMPLE));
        }
        self.limit.map(|limit| Deadline { limit })
    }
}
