use super::arguments::arguments;
use super::values::{Count, Function, Name, Time};
use super::{Arguments, Given};
use crate::diagnostics::{self, Errors};
use crate::model::Bulkhead;
use proc_macro2::Span;
use syn::{Lit, Path};

arguments! {
    BulkheadArguments {
        name = "name": Name,
        threads = "threads": Count,
        max_concurrent = "max_concurrent": Count,
        queue = "queue": Count,
        max_wait = "max_wait": Time,
        runtime = "crate": Function,
    }
}

/// What the runtime starts at most.
const MOST_THREADS: u32 = 512;

impl Arguments for BulkheadArguments {
    type Model = Bulkhead;
    const EXAMPLE: &'static str = "bulkhead(threads = 4)";

    fn meant_by(value: &Lit) -> Option<&'static str> {
        matches!(value, Lit::Int(_)).then_some("threads")
    }

    fn crate_path(&mut self) -> Option<Path> {
        self.runtime.take().map(|path| path.0)
    }

    fn into_model(self, span: Span, given: &Given, errors: &mut Errors) -> Option<Bulkhead> {
        if self.threads.is_none() && !given.unread {
            errors.push(diagnostics::no_threads(span));
        }
        let too_many = self.threads.as_ref().map(|threads| &threads.0).filter(|it| it.known() > Some(MOST_THREADS));
        errors.extend(too_many.map(|threads| diagnostics::too_many_threads(threads.span(), MOST_THREADS)));
        Some(Bulkhead {
            span,
            name: self.name.map(|name| name.0),
            threads: self.threads?.0,
            max_concurrent: self.max_concurrent.map(|calls| calls.0),
            queue: self.queue.map(|calls| calls.0),
            max_wait: self.max_wait.map(|wait| wait.0),
        })
    }
}
